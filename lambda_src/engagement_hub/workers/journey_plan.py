"""A published journey as the workers need it: its messages, its limits, its conditions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engagement_hub.engagement.channel_settings import ChannelSettings
from engagement_hub.engagement.eligibility import Cap
from engagement_hub.engagement.errors import BadRequest, NotFound
from engagement_hub.engagement.journey_messages import Zones, caps_of, channels_of, zones_for
from engagement_hub.engagement.journey_runs import RECOMMENDER_DOES_NOT_RUN
from engagement_hub.engagement.model import Endpoint
from engagement_hub.engagement.recommenders import uses_recommendations
from engagement_hub.hub import Hub
from engagement_hub.store.channels import channel_settings
from engagement_hub.store.entities import Kind
from engagement_hub.store.names import SETTINGS_ID, load_template
from engagement_hub.workers.audience import Audience, snapshot
from engagement_hub.workers.steps import Event, logger
from shared.journeys import TEMPLATED, ActivityType, activity_type, conditions_of, message_of
from shared.messages.content import MessagePlan, resolve

__all__ = ["JourneyPlan", "Segments", "work_prefix"]


def work_prefix(journey_id: str, work: str) -> str:
    """Return the prefix of the files of a journey's work in the work bucket."""
    return f"runs/{journey_id}-{work}/"


@dataclass(slots=True)
class JourneyPlan:
    """The journey as it is while a function works; its messages are compiled at first use."""

    hub: Hub
    app_id: str
    journey: Mapping[str, Any]
    _messages: dict[str, MessagePlan | None] = field(default_factory=dict)
    _settings: ChannelSettings | None = None
    _caps: tuple[Cap, ...] | None = None

    @classmethod
    def of(cls, hub: Hub, event: Event) -> JourneyPlan | None:
        """Read the journey of a step; None where it was deleted."""
        app_id = str(event["ApplicationId"])
        journey = hub.entities.get(app_id, Kind.JOURNEY, str(event["JourneyId"]))
        return None if journey is None else cls(hub, app_id, journey)

    @property
    def id(self) -> str:
        return str(self.journey["Id"])

    @property
    def zones(self) -> Zones:
        return zones_for(self.journey)

    @property
    def settings(self) -> ChannelSettings:
        """The project's disabled channels and senders."""
        if self._settings is None:
            self._settings = channel_settings(self.hub.entities, self.app_id)
        return self._settings

    @property
    def caps(self) -> tuple[Cap, ...]:
        if self._caps is None:
            settings = self.hub.entities.get(self.app_id, Kind.SETTINGS, SETTINGS_ID) or {}
            self._caps = caps_of(self.journey, settings.get("JourneyLimits") or {})
        return self._caps

    @property
    def messages_per_second(self) -> int | None:
        return (self.journey.get("Limits") or {}).get("MessagesPerSecond") or None

    @property
    def channels(self) -> Sequence[str]:
        """The channels that the hub itself sends on."""
        kinds = {activity_type(one) for one in self.journey["Activities"].values()}
        return [str(kind) for kind in TEMPLATED if kind in kinds]

    def is_custom(self, activity_id: str) -> bool:
        activity = self.journey["Activities"][activity_id]
        return activity_type(activity) == ActivityType.CUSTOM

    def kind(self, activity_id: str) -> str:
        return str(activity_type(self.journey["Activities"][activity_id]))

    def channel(self, activity_id: str) -> str:
        """Return the channel whose rate a message keeps to."""
        if self.is_custom(activity_id):
            return ActivityType.CUSTOM.value
        return next(iter(channels_of(self.journey["Activities"][activity_id])))

    def message(self, activity_id: str) -> MessagePlan | None:
        """Return the message of an activity, in the active version of its template or the version
        that it names.

        Raises:
            NotFound: the template is gone.
            BadRequest: a text cannot be compiled, or needs a recommender.
        """
        if activity_id not in self._messages:
            message = message_of(self.journey["Activities"][activity_id])
            if message is None or message.template_name is None:
                raise ValueError(f"Activity {activity_id} sends no template.")
            channel = message.activity_type.value
            template = load_template(
                self.hub.entities, channel, message.template_name, message.template_version
            )
            if uses_recommendations(template):
                raise BadRequest(RECOMMENDER_DOES_NOT_RUN)
            member = "SMSMessage" if channel == "SMS" else "EmailMessage"
            self._messages[activity_id] = resolve(
                {member: dict(message.settings)}, {channel: template}, channel
            )
        return self._messages[activity_id]

    def asks_about(self, activity_id: str) -> bool:
        """Check whether a split asks about what became of an activity's message."""
        return any(
            (condition.get("EventCondition") or {}).get("MessageActivity") == activity_id
            for activity in self.journey["Activities"].values()
            for _, condition in conditions_of(activity)
        )

    def segments(self, endpoints: Sequence[Endpoint]) -> Segments:
        """Return the segments that splits ask for, for these endpoints."""
        return Segments(self.hub, self.app_id, endpoints)


@dataclass(slots=True)
class Segments:
    """Membership of some endpoints in segments, looked up once for each segment."""

    hub: Hub
    app_id: str
    endpoints: Sequence[Endpoint]
    _members: dict[str, set[str]] = field(default_factory=dict)

    def __call__(self, segment_id: str, endpoint: Endpoint) -> bool:
        """Check whether an endpoint is in a segment; no endpoint is in one that was deleted."""
        if segment_id not in self._members:
            try:
                taken = snapshot(self.hub, self.app_id, segment_id, None)
            except (NotFound, BadRequest) as error:
                logger.warning("segment of a split is gone", reason=type(error).__name__)
                self._members[segment_id] = set()
            else:
                audience = Audience(self.hub, self.app_id, taken, with_pages=False)
                self._members[segment_id] = audience.matching(self.endpoints)
        return endpoint["Id"] in self._members[segment_id]
