"""Credentials of the roles that callers name (RoleArn of jobs and event streams)."""

from __future__ import annotations

import re
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.exceptions import ClientError

from shared.aws import Keys, aws_client

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_sts import STSClient

_ROLE = re.compile(r"arn:[^:]+:iam::\d{12}:role/(?P<path>.*)")
_PATH = "engagement-hub/"
_RENEW_BEFORE_EXPIRY_SECONDS = 300
# Roles that a container remembers with their clients: each client holds some connections.
_MOST_ROLES = 32
# The API's function has 29 s for a request: assuming a role and writing to its stream both fit,
# when both need their second attempt.
_CLIENT = Config(
    connect_timeout=2, read_timeout=4, retries={"mode": "standard", "total_max_attempts": 2}
)


class RoleNotAssumable(Exception):
    """The role cannot be used; the text says what to change. Retrying cannot help."""


class RoleDoesNotTrust(RoleNotAssumable):
    """The role's trust policy does not admit the hub, or STS does not know the role yet."""


@dataclass(slots=True)
class _Assumed:
    keys: Keys
    expires_at: float
    session: boto3.Session | None = None
    clients: dict[tuple[str, str], Any] = field(default_factory=dict)


class CustomerRoles:
    """Assumes the role a caller names, with the project's id as external id, and remembers it.

    The hub's own role may assume roles under the IAM path /engagement-hub/ only.
    """

    def __init__(
        self,
        sts: STSClient | None = None,
        clock: Callable[[], float] = time.time,
        make_client: Callable[..., Any] = aws_client,
    ) -> None:
        self._sts_client = sts
        self._clock = clock
        self._make_client = make_client
        self._assumed: OrderedDict[tuple[str, str], _Assumed] = OrderedDict()

    def session(self, role_arn: str, app_id: str) -> boto3.Session:
        """Return a session of the role.

        Raises:
            RoleNotAssumable: the ARN is not a role's, is outside the path, or the role's trust
                policy does not admit the hub.
        """
        import boto3  # only where files are read or written: it costs a cold start some 40 ms

        assumed = self._role(role_arn, app_id)
        if assumed.session is None:
            assumed.session = boto3.Session(
                aws_access_key_id=assumed.keys.access_key_id,
                aws_secret_access_key=assumed.keys.secret_access_key,
                aws_session_token=assumed.keys.session_token,
            )
        return assumed.session

    def client(self, role_arn: str, app_id: str, service: str, region: str) -> Any:
        """Return a client of the role with short time-outs, the same one as long as it is valid.

        Raises:
            RoleNotAssumable: as `session`.
        """
        assumed = self._role(role_arn, app_id)
        client = assumed.clients.get((service, region))
        if client is None:
            client = self._make_client(service, config=_CLIENT, keys=assumed.keys, region=region)
            assumed.clients[service, region] = client
        return client

    def _role(self, role_arn: str, app_id: str) -> _Assumed:
        match = _ROLE.fullmatch(role_arn)
        if match is None:
            raise RoleNotAssumable(f"RoleArn {role_arn} is not the ARN of an IAM role.")
        if not match["path"].startswith(_PATH):
            raise RoleNotAssumable(
                f"RoleArn {role_arn} is outside the IAM path /{_PATH}: the hub may only assume "
                f"roles created with that path."
            )
        assumed = self._assumed.get((role_arn, app_id))
        if assumed is None or assumed.expires_at - _RENEW_BEFORE_EXPIRY_SECONDS < self._clock():
            assumed = self._assume(role_arn, app_id)
            self._assumed[role_arn, app_id] = assumed
        self._assumed.move_to_end((role_arn, app_id))
        if len(self._assumed) > _MOST_ROLES:
            self._assumed.popitem(last=False)
        return assumed

    def _assume(self, role_arn: str, app_id: str) -> _Assumed:
        if self._sts_client is None:
            self._sts_client = aws_client("sts", config=_CLIENT)
        try:
            answer = self._sts_client.assume_role(
                RoleArn=role_arn, RoleSessionName=f"engagement-hub-{app_id}", ExternalId=app_id
            )
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("AccessDenied", "AccessDeniedException"):
                raise
            raise RoleDoesNotTrust(
                f"RoleArn {role_arn} cannot be assumed: its trust policy must admit this account "
                f"with sts:ExternalId {app_id}."
            ) from error
        credentials = answer["Credentials"]
        return _Assumed(
            Keys(
                credentials["AccessKeyId"],
                credentials["SecretAccessKey"],
                credentials["SessionToken"],
            ),
            credentials["Expiration"].timestamp(),
        )
