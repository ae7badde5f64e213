"""Marks endpoints with the verdicts on their numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_pinpoint import PinpointClient

    from phone_number_validate.verdicts import Verdict
    from phone_number_validate.work_items import EndpointToUpdate

__all__ = ["still_there", "write_marks"]


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


def still_there(
    pinpoint: PinpointClient,
    project_id: str,
    pairs: Sequence[tuple[EndpointToUpdate, Verdict]],
    *,
    threads: int,
) -> list[tuple[EndpointToUpdate, Verdict]]:
    """Leave out endpoints deleted or given another address since the export.

    An update would bring a deleted endpoint back as an empty one, and overwrite a new address.
    """

    def unchanged(pair: tuple[EndpointToUpdate, Verdict]) -> bool:
        endpoint, verdict = pair
        try:
            now = pinpoint.get_endpoint(ApplicationId=project_id, EndpointId=endpoint["Id"])
        except pinpoint.exceptions.NotFoundException:
            return False
        # The cleansed number is there when an earlier attempt of this batch wrote it.
        return now["EndpointResponse"].get("Address") in (endpoint["Address"], verdict.cleansed)

    with ThreadPoolExecutor(threads) as pool:
        answers = list(pool.map(unchanged, pairs))
    return [pair for pair, same in zip(pairs, answers, strict=True) if same]
