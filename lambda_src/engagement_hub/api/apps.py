"""Projects ("apps") and their settings."""

from engagement_hub.api.hub import Hub, Operation, new_id
from engagement_hub.api.segments import purge_members
from engagement_hub.api.tags import tags_of
from engagement_hub.api.wire import Call
from engagement_hub.engagement.campaigns import validate_settings
from engagement_hub.engagement.errors import BadRequest
from engagement_hub.engagement.model import JsonObject
from engagement_hub.store.entities import ACCOUNT, Kind
from engagement_hub.store.names import SETTINGS_ID

__all__ = ["OPERATIONS"]

_NAME_CHARACTERS = 64


def create_app(hub: Hub, call: Call) -> JsonObject:
    """CreateApp."""
    name = call.body["Name"]
    if not name.strip() or len(name) > _NAME_CHARACTERS:
        raise BadRequest(f"Name must have 1 to {_NAME_CHARACTERS} characters.")
    app_id = new_id()
    app = {
        "Id": app_id,
        "Arn": hub.account.arn(f"apps/{app_id}"),
        "Name": name,
        "CreationDate": call.timestamp,
        "tags": tags_of(call.body),
    }
    hub.entities.put_new(ACCOUNT, Kind.APP, app_id, app)
    return app


def get_app(hub: Hub, call: Call) -> JsonObject:
    """GetApp."""
    return hub.entities.require(ACCOUNT, Kind.APP, call.app_id)


def get_apps(hub: Hub, call: Call) -> JsonObject:
    """GetApps."""
    page = hub.entities.list(ACCOUNT, Kind.APP, call.page_size, call.token)
    return {"Item": page.items, "NextToken": page.token}


def delete_app(hub: Hub, call: Call) -> JsonObject:
    """DeleteApp: delete the project and all its entities.

    What is deleted first are the parts, so that a project too large for one request is still there
    to be deleted by the next.

    Raises:
        TooManyRequests: out of time; the next request goes on.
    """
    app = hub.entities.require(ACCOUNT, Kind.APP, call.app_id)
    out_of_time = hub.stopwatch()
    for campaign in hub.entities.all(call.app_id, Kind.CAMPAIGN):
        hub.machines.cancel_run(campaign["Id"], int(campaign.get("Runs", 0)) + 1)
    hub.endpoints.delete_app(call.app_id, out_of_time=out_of_time)
    # Ordered once, by the request that finishes the endpoints.
    for segment in hub.entities.all(call.app_id, Kind.SEGMENT):
        purge_members(hub, segment)
    hub.entities.delete_app(call.app_id)
    hub.entities.delete(ACCOUNT, Kind.APP, call.app_id)
    return app


def get_application_settings(hub: Hub, call: Call) -> JsonObject:
    """GetApplicationSettings: empty for a project that has set no settings."""
    kept = hub.entities.get(call.app_id, Kind.SETTINGS, SETTINGS_ID)
    return kept or {"ApplicationId": call.app_id}


def update_application_settings(hub: Hub, call: Call) -> JsonObject:
    """UpdateApplicationSettings: a member left out stays as it was (AWS does not say)."""
    validate_settings(call.body)
    return hub.entities.upsert(
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


OPERATIONS: dict[str, Operation] = {
    "CreateApp": create_app,
    "DeleteApp": delete_app,
    "GetApp": get_app,
    "GetApps": get_apps,
    "GetApplicationSettings": get_application_settings,
    "UpdateApplicationSettings": update_application_settings,
}
