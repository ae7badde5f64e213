"""The entities of a project, as its API shows them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from campaign_journey_segment_db.entities import Entity, Kind, entity_of
from shared.pinpoint import all_items

if TYPE_CHECKING:
    from mypy_boto3_pinpoint import PinpointClient

__all__ = ["Project"]


class Project:
    """A project of an engagement hub or of Amazon Pinpoint."""

    def __init__(self, pinpoint: PinpointClient, project_id: str) -> None:
        self.project_id = project_id
        self._lists: dict[Kind, Any] = {
            Kind.CAMPAIGN: pinpoint.get_campaigns,
            Kind.JOURNEY: pinpoint.list_journeys,
            Kind.SEGMENT: pinpoint.get_segments,
        }
        self._gets: dict[Kind, Any] = {
            Kind.CAMPAIGN: pinpoint.get_campaign,
            Kind.JOURNEY: pinpoint.get_journey,
            Kind.SEGMENT: pinpoint.get_segment,
        }

    def entities(self, kind: Kind) -> Iterator[Entity]:
        """Yield every entity of a kind, page after page."""
        for body in all_items(self._lists[kind], ApplicationId=self.project_id):
            yield entity_of(kind, body, self.project_id)

    def entity(self, kind: Kind, entity_id: str) -> Entity | None:
        """Return an entity as it is now; None: the project does not have it."""
        request = {"ApplicationId": self.project_id, f"{kind.capitalize()}Id": entity_id}
        try:
            answer = self._gets[kind](**request)
        except ClientError as error:
            if error.response["Error"]["Code"] != "NotFoundException":
                raise
            return None
        body = next(value for name, value in answer.items() if name != "ResponseMetadata")
        return entity_of(kind, body, self.project_id)
