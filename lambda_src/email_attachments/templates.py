"""Email templates of the project, by name and version, read once a minute."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from shared.transient import error_code, transient_errors_named

if TYPE_CHECKING:
    from mypy_boto3_pinpoint import PinpointClient

__all__ = ["TemplateMissing", "Templates"]

_KEPT_SECONDS = 60
_MOST_KEPT = 100


class TemplateMissing(LookupError):
    """The project has no such template or version. The text names it."""


class Templates:
    """Reads templates, and keeps each for a minute: the latest version may change in place."""

    def __init__(
        self, client: PinpointClient, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._client = client
        self._clock = clock
        self._kept: dict[tuple[str, str | None], tuple[float, Mapping[str, Any]]] = {}

    def get(self, name: str, version: str | None) -> Mapping[str, Any]:
        """Return the EmailTemplateResponse of a version; None is the active one.

        Raises:
            TemplateMissing: the project has no such template or version.
            ClientError, ServiceUnavailable: the API refused, or does not answer now.
        """
        now = self._clock()
        kept = self._kept.get((name, version))
        if kept is not None and now - kept[0] < _KEPT_SECONDS:
            return kept[1]
        given = {} if version is None else {"Version": version}
        try:
            with transient_errors_named():
                answer = self._client.get_email_template(TemplateName=name, **given)
        except ClientError as error:
            if error_code(error) != "NotFoundException":
                raise
            of = f"version {version}" if version is not None else "an active version"
            raise TemplateMissing(
                f"The project has no email template {name} with {of}: create it, or correct "
                "TemplateName and TemplateVersion."
            ) from error
        template: Mapping[str, Any] = answer["EmailTemplateResponse"]
        if len(self._kept) >= _MOST_KEPT:
            self._kept.clear()
        self._kept[name, version] = (now, template)
        return template
