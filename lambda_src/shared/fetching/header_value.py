"""Value of an HTTP header that is a secret, from Secrets Manager or the Parameter Store."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from shared.aws import aws_client
from shared.fetching.cache import AgeCache
from shared.fetching.failures import FetchFailed, Reason
from shared.transient import error_code, is_transient

__all__ = ["SecretHeader", "parameter_value", "secret_value"]

_KEPT_SECONDS = 300
_CONFIG = Config(connect_timeout=1, read_timeout=2, retries={"total_max_attempts": 2})


class SecretHeader:
    """Reads the value when it is first needed, and again after five minutes or a refusal.

    Args:
        read: reads the value; see `secret_value` and `parameter_value`.
    """

    def __init__(self, read: Callable[[], str]) -> None:
        self._read = read
        self._kept: AgeCache[None, str] = AgeCache(_KEPT_SECONDS, entries=1)

    def value(self, *, renew: bool = False) -> str:
        """Return the header's value.

        Args:
            renew: read it now: the server refused the kept value, which may have been rotated.

        Raises:
            FetchFailed: it cannot be read, or is no value of a header.
        """
        kept = None if renew else self._kept.get(None)
        if kept is not None:
            return kept
        try:
            found = self._read().strip()
        except ClientError as error:
            reason = Reason.UNAVAILABLE if is_transient(error) else Reason.REFUSED
            raise FetchFailed(
                reason, f"the secret of the header cannot be read ({error_code(error)})."
            ) from error
        except BotoCoreError as error:
            raise FetchFailed(
                Reason.UNAVAILABLE,
                f"the secret of the header cannot be read ({type(error).__name__}).",
            ) from error
        if not found or any(not " " <= letter <= "~" for letter in found):
            raise FetchFailed(
                Reason.REFUSED,
                "the secret of the header is no value of a header: it must be one line of ASCII.",
            )
        self._kept.put(None, found)
        return found


def secret_value(arn: str, client: Any = None) -> Callable[[], str]:
    """Return a reader of a secret of Secrets Manager; it must be a text and no bytes."""
    return _reader(
        "secretsmanager",
        client,
        lambda made: str(made.get_secret_value(SecretId=arn).get("SecretString", "")),
    )


def parameter_value(arn: str, client: Any = None) -> Callable[[], str]:
    """Return a reader of a parameter of the Parameter Store."""
    return _reader(
        "ssm",
        client,
        lambda made: str(made.get_parameter(Name=arn, WithDecryption=True)["Parameter"]["Value"]),
    )


def _reader(service: str, client: Any, read: Callable[[Any], str]) -> Callable[[], str]:
    made = client or aws_client(service, config=_CONFIG)
    return lambda: read(made)
