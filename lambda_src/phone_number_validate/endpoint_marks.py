"""Marks endpoints with the verdicts on their numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_pinpoint import PinpointClient

__all__ = ["write_marks"]


def write_marks(
    pinpoint: PinpointClient, project_id: str, batch: Sequence[Mapping[str, Any]]
) -> list[str]:
    """Update the endpoints; return the ids of the endpoints that the project refused.

    A batch is refused as a whole, so its endpoints are then written one by one: an endpoint that
    no update fits (too large, say) must not keep the others unmarked.
    """
    try:
        pinpoint.update_endpoints_batch(
            ApplicationId=project_id,
            EndpointBatchRequest={"Item": batch},  # type: ignore[typeddict-item]  # plain dicts
        )
    except pinpoint.exceptions.BadRequestException:
        if len(batch) > 1:
            return [id for update in batch for id in write_marks(pinpoint, project_id, [update])]
        return [batch[0]["Id"]]
    return []
