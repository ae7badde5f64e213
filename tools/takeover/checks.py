"""Ask the rules of the hub, without a hub, whether it would refuse a request.

A dry run uses the rules of this repository; a hub that was deployed from another version may have
other ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, cast

from botocore.exceptions import ParamValidationError

from engagement_hub.engagement.campaigns import validate_campaign, validate_settings
from engagement_hub.engagement.errors import BadRequest
from engagement_hub.engagement.journeys import new_journey, validate_journey_limits
from engagement_hub.engagement.segments import validate_segment
from engagement_hub.engagement.template_requests import validate_template, validate_template_name
from tools.takeover.shapes import wire_body

__all__ = ["would_refuse"]

_APP = {"ApplicationId": "a"}


def would_refuse(operation: str, now: datetime, **parameters: Any) -> None:
    """Check a request.

    Raises:
        EngagementError: the hub would refuse it.
    """
    try:
        _CHECKS[operation](now, **parameters)
    except ParamValidationError as error:
        raise BadRequest(" ".join(str(error).split())) from error


def _template(now: datetime, kind: str, name: str, body: Mapping[str, Any]) -> None:
    validate_template_name(name)
    validate_template(kind, body)


def _segment(now: datetime, body: Mapping[str, Any]) -> None:
    request = wire_body("CreateSegment", **_APP, WriteSegmentRequest=body)
    validate_segment(cast(Any, request))


def _settings(now: datetime, body: Mapping[str, Any]) -> None:
    request = wire_body("UpdateApplicationSettings", **_APP, WriteApplicationSettingsRequest=body)
    validate_settings(cast(Any, request))
    validate_journey_limits(request.get("JourneyLimits"), "JourneyLimits")


def _journey(now: datetime, body: Mapping[str, Any]) -> None:
    request = wire_body("CreateJourney", **_APP, WriteJourneyRequest=body)
    new_journey(cast(Any, request), app_id="a", journey_id="j", now=now)


def _campaign(now: datetime, body: Mapping[str, Any]) -> None:
    request = wire_body("CreateCampaign", **_APP, WriteCampaignRequest=body)
    validate_campaign(cast(Any, request), now)


_CHECKS: dict[str, Callable[..., None]] = {
    "CreateCampaign": _campaign,
    "CreateJourney": _journey,
    "CreateSegment": _segment,
    "CreateTemplate": _template,
    "UpdateApplicationSettings": _settings,
}
