"""Endpoints of the project as they are now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from shared.pinpoint import current_endpoint

if TYPE_CHECKING:
    from mypy_boto3_pinpoint import PinpointClient

__all__ = ["CurrentEndpoints"]


class CurrentEndpoints:
    """Reads endpoints by GetEndpoint, one at a time: contacts are far slower."""

    def __init__(self, pinpoint: PinpointClient) -> None:
        self._pinpoint = pinpoint

    def current(self, application_id: str, endpoint_id: str) -> Mapping[str, Any] | None:
        """Return an endpoint; None where it was deleted.

        Raises:
            ClientError, BotoCoreError: the project refused or did not answer.
        """
        return current_endpoint(self._pinpoint, application_id, endpoint_id)
