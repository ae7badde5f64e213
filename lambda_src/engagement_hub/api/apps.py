"""Projects ("apps") and their settings."""

from engagement_hub.api.creation import create_once
from engagement_hub.api.journeys import purge_journey
from engagement_hub.api.operation import Operation, stopwatch
from engagement_hub.api.segments import purge_members
from engagement_hub.api.tags import tags_of
from engagement_hub.api.wire import Call
from engagement_hub.engagement.campaigns import validate_settings
from engagement_hub.engagement.errors import BadRequest, TooManyRequests
from engagement_hub.engagement.journeys import validate_journey_limits
from engagement_hub.engagement.model import JsonObject
from engagement_hub.hub import Hub
from engagement_hub.store.entities import ACCOUNT, Kind
from engagement_hub.store.names import SETTINGS_ID

__all__ = ["OPERATIONS"]

_NAME_CHARACTERS = 64
# Programs read these members of an answer without asking whether they are there.
_UNSET: JsonObject = {"CampaignHook": {}, "Limits": {}, "QuietTime": {}}


def create_app(hub: Hub, call: Call) -> JsonObject:
    """CreateApp."""
    name = call.body["Name"]
    if not name.strip() or len(name) > _NAME_CHARACTERS:
        raise BadRequest(f"Name must have 1 to {_NAME_CHARACTERS} characters.")

    def app(app_id: str) -> JsonObject:
        return {
            "Id": app_id,
            "Arn": hub.account.arn(f"apps/{app_id}"),
            "Name": name,
            "CreationDate": call.timestamp,
            "tags": tags_of(call.body),
        }

    return create_once(hub, call, ACCOUNT, Kind.APP, app)


def get_app(hub: Hub, call: Call) -> JsonObject:
    """GetApp."""
    return hub.entities.require(ACCOUNT, Kind.APP, call.app_id)


def get_apps(hub: Hub, call: Call) -> JsonObject:
    """GetApps."""
    page = hub.entities.list(ACCOUNT, Kind.APP, call.page_size, call.token)
    return {"Item": page.items, "NextToken": page.token}


def delete_app(hub: Hub, call: Call) -> JsonObject:
    """DeleteApp: delete the project and all its entities.

    Each part is deleted as soon as it is dealt with, and the project last. A project of any size is
    deleted by as many requests as it takes.

    Raises:
        TooManyRequests: out of time; the next request goes on.
    """
    app_id = call.app_id
    app = hub.entities.require(ACCOUNT, Kind.APP, app_id)
    out_of_time = stopwatch(hub)

    def check_time() -> None:
        if out_of_time():
            raise TooManyRequests(
                "Deleting the project takes longer than one request may. What is deleted stays "
                "deleted: send the same request again to go on."
            )

    for campaign in hub.entities.all(app_id, Kind.CAMPAIGN):
        check_time()
        hub.machines.cancel_run(campaign["Id"], int(campaign.get("Runs", 0)) + 1)
        hub.entities.delete(app_id, Kind.CAMPAIGN, campaign["Id"])
    for journey in hub.entities.all(app_id, Kind.JOURNEY):
        check_time()
        purge_journey(hub, app_id, journey)
        hub.entities.delete(app_id, Kind.JOURNEY, journey["Id"])
    hub.endpoints.delete_app(app_id, out_of_time=out_of_time)
    for segment in hub.entities.all(app_id, Kind.SEGMENT):
        check_time()
        purge_members(hub, segment)
        hub.entities.delete(app_id, Kind.SEGMENT, segment["Id"])
    # The purges of journeys delete their runs.
    for kind in set(Kind) - {Kind.JOURNEY_RUN}:
        hub.entities.delete_all(app_id, kind, between=check_time)
    hub.entities.delete(ACCOUNT, Kind.APP, app_id)
    return app


def get_application_settings(hub: Hub, call: Call) -> JsonObject:
    """GetApplicationSettings: empty for a project that has set no settings."""
    kept = hub.entities.get(call.app_id, Kind.SETTINGS, SETTINGS_ID)
    return {**_UNSET, "ApplicationId": call.app_id, **(kept or {})}


def update_application_settings(hub: Hub, call: Call) -> JsonObject:
    """UpdateApplicationSettings: a member left out stays as it was (AWS does not say)."""
    validate_settings(call.body)
    validate_journey_limits(call.body.get("JourneyLimits"), "JourneyLimits")
    settings = hub.entities.upsert(
        call.app_id,
        Kind.SETTINGS,
        SETTINGS_ID,
        lambda kept: {
            **(kept or {}),
            **call.body,
            "ApplicationId": call.app_id,
            "LastModifiedDate": call.timestamp,
        },
    )
    return {**_UNSET, **settings}


OPERATIONS: dict[str, Operation] = {
    "CreateApp": create_app,
    "DeleteApp": delete_app,
    "GetApp": get_app,
    "GetApps": get_apps,
    "GetApplicationSettings": get_application_settings,
    "UpdateApplicationSettings": update_application_settings,
}
