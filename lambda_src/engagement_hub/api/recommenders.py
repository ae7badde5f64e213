"""Recommender configurations of the account."""

from engagement_hub.api.creation import create_once
from engagement_hub.api.operation import Operation
from engagement_hub.api.wire import Call
from engagement_hub.engagement.errors import NotFound
from engagement_hub.engagement.model import JsonObject
from engagement_hub.engagement.recommenders import checked_recommender
from engagement_hub.hub import Hub
from engagement_hub.store.entities import ACCOUNT, Kind

__all__ = ["OPERATIONS"]


def create_recommender_configuration(hub: Hub, call: Call) -> JsonObject:
    """CreateRecommenderConfiguration."""

    def recommender(recommender_id: str) -> JsonObject:
        return {
            **checked_recommender(call.body),
            "CreationDate": call.timestamp,
            "Id": recommender_id,
            "LastModifiedDate": call.timestamp,
        }

    return create_once(hub, call, ACCOUNT, Kind.RECOMMENDER, recommender)


def get_recommender_configuration(hub: Hub, call: Call) -> JsonObject:
    """GetRecommenderConfiguration."""
    return hub.entities.require(ACCOUNT, Kind.RECOMMENDER, call.labels["recommender-id"])


def get_recommender_configurations(hub: Hub, call: Call) -> JsonObject:
    """GetRecommenderConfigurations."""
    page = hub.entities.list(ACCOUNT, Kind.RECOMMENDER, call.page_size, call.token)
    return {"Item": page.items, "NextToken": page.token}


def update_recommender_configuration(hub: Hub, call: Call) -> JsonObject:
    """UpdateRecommenderConfiguration: replace the whole configuration (AWS does not say)."""
    replacement = checked_recommender(call.body)
    return hub.entities.update(
        ACCOUNT,
        Kind.RECOMMENDER,
        call.labels["recommender-id"],
        lambda kept: {
            **replacement,
            "CreationDate": kept["CreationDate"],
            "Id": kept["Id"],
            "LastModifiedDate": call.timestamp,
        },
    )


def delete_recommender_configuration(hub: Hub, call: Call) -> JsonObject:
    """DeleteRecommenderConfiguration: messages of templates that name it fail from now on."""
    recommender_id = call.labels["recommender-id"]
    recommender = hub.entities.delete(ACCOUNT, Kind.RECOMMENDER, recommender_id)
    if recommender is None:
        raise NotFound(f"There is no recommender {recommender_id[:256]!r}.")
    return recommender


OPERATIONS: dict[str, Operation] = {
    "CreateRecommenderConfiguration": create_recommender_configuration,
    "DeleteRecommenderConfiguration": delete_recommender_configuration,
    "GetRecommenderConfiguration": get_recommender_configuration,
    "GetRecommenderConfigurations": get_recommender_configurations,
    "UpdateRecommenderConfiguration": update_recommender_configuration,
}
