"""Look up the content that a send had: the campaign, journey and template as they were then.

The hub's events name the version of the campaign, and version and time of change of the template,
as the run that sent the message used them. With these the content is exact: a version that was
overwritten afterwards is refused, and never taken in place of the old one.

Amazon Pinpoint's events name no versions, and its API does not tell when a version became the
active one. The best that the API tells is the newest version that had not changed since the send.

Every answer is kept for the life of a container, so that a campaign version is read once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from shared.pinpoint import all_items
from shared.sent_messages.sends import NotRenderable, Send
from shared.transient import error_code, transient_errors_named

if TYPE_CHECKING:
    from mypy_boto3_pinpoint import PinpointClient

__all__ = ["Contents", "Template"]

Json = Mapping[str, Any]

# Codes of answers about the thing that was asked for. Another attempt cannot help.
_GONE = frozenset({"BadRequestException", "MethodNotAllowedException", "NotFoundException"})
_MOST_KEPT = 500
_CHANNEL_SECONDS = 600
# Template type → the client's method, and the member of its answer.
_TEMPLATES = {
    "EMAIL": ("get_email_template", "EmailTemplateResponse"),
    "SMS": ("get_sms_template", "SMSTemplateResponse"),
    "VOICE": ("get_voice_template", "VoiceTemplateResponse"),
    "PUSH": ("get_push_template", "PushNotificationTemplateResponse"),
}


@dataclass(frozen=True, slots=True)
class Template:
    """A version of a template."""

    name: str
    version: str
    body: Json


@dataclass(slots=True)
class _History:
    """The versions of something that are known, newest first.

    They are all the versions of the time `seen_at`, once `is_complete`.
    """

    bodies: list[Json]
    seen_at: datetime
    is_complete: bool = False

    def at(self, moment: datetime) -> Json | None:
        return next((body for body in self.bodies if _modified(body) <= moment), None)


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class Contents:
    """Reads campaigns, journeys, templates and the email channel of a project."""

    client: Callable[[], PinpointClient]
    clock: Callable[[], datetime] = _now
    monotonic: Callable[[], float] = time.monotonic
    _kept: dict[tuple[str, ...], Any] = field(default_factory=dict)

    def campaign(self, send: Send) -> tuple[Json, bool]:
        """Return the campaign of a send, and whether it is surely the version that was sent.

        Raises:
            NotRenderable: the campaign, or its version, is gone.
            ServiceUnavailable: the API does not answer now.
        """
        app_id, campaign_id = send.application_id, send.ids["campaign_id"]
        version = send.attributes.get("campaign_version")
        if version:
            return self._campaign_version(app_id, campaign_id, version), True
        key = ("campaign", app_id, campaign_id)
        history = self._kept.get(key)
        if history is None or history.seen_at < send.sent_at:
            with _gone_as(f"Campaign {campaign_id} cannot be read"):
                newest = self.client().get_campaign(ApplicationId=app_id, CampaignId=campaign_id)
            history = self._keep(key, _History([newest["CampaignResponse"]], self.clock()))
            if history.bodies[0].get("Version") == 1:
                history.is_complete = True
        found = history.at(send.sent_at)
        if found is None and not history.is_complete:
            with _gone_as(f"The versions of campaign {campaign_id} cannot be read"):
                bodies = all_items(
                    self.client().get_campaign_versions,
                    ApplicationId=app_id,
                    CampaignId=campaign_id,
                )
                history.bodies = sorted(bodies, key=lambda one: -int(one.get("Version") or 0))
            history.is_complete = True
            found = history.at(send.sent_at)
        # The state of a campaign is part of it, so that the first version may look changed.
        return (found or history.bodies[-1]), False

    def _campaign_version(self, app_id: str, campaign_id: str, version: str) -> Json:
        key = ("campaign version", app_id, campaign_id, version)
        if key not in self._kept:
            with _gone_as(f"Version {version} of campaign {campaign_id} cannot be read"):
                answer = self.client().get_campaign_version(
                    ApplicationId=app_id, CampaignId=campaign_id, Version=version
                )
            self._keep(key, answer["CampaignResponse"])
        body: Json = self._kept[key]
        return body

    def journey_activity(self, send: Send) -> tuple[Json, Json]:
        """Return the journey of a send, and its activity. A journey that sends does not change.

        Raises:
            NotRenderable: the journey or the activity is gone.
        """
        journey_id, activity_id = send.ids["journey_id"], send.ids["journey_activity_id"]
        key = ("journey", send.application_id, journey_id)
        known = self._kept.get(key)
        if known is None or activity_id not in (known.get("Activities") or {}):
            with _gone_as(f"Journey {journey_id} cannot be read"):
                answer = self.client().get_journey(
                    ApplicationId=send.application_id, JourneyId=journey_id
                )
            known = self._keep(key, answer["JourneyResponse"])
        activity = (known.get("Activities") or {}).get(activity_id)
        if activity is None:
            raise NotRenderable(f"Journey {journey_id} has no activity {activity_id}.")
        return known, activity

    def template(
        self, kind: str, name: str, pinned: str | None, send: Send
    ) -> tuple[Template, bool]:
        """Return the template of a send, and whether it is surely the content that was sent.

        Args:
            kind: EMAIL, SMS, VOICE or PUSH.
            pinned: the version that the campaign or activity names; None is the active one.

        Raises:
            NotRenderable: the version is gone, or was overwritten since the send.
        """
        version = send.attributes.get("template_version")
        modified = send.attributes.get("template_modified")
        if version and modified:
            return self._exact(kind, name, version, modified), True
        if pinned and pinned.isdecimal():
            body = self._version_before(kind, name, pinned, send.sent_at)
            return Template(name, pinned, body), False
        body = self._active_before(kind, name, send.sent_at)
        return Template(name, str(body.get("Version") or ""), body), False

    def _exact(self, kind: str, name: str, version: str, modified: str) -> Template:
        key = ("template", kind, name, version, modified)
        if key not in self._kept:
            body = self._read_template(kind, name, version)
            if body.get("LastModifiedDate") != modified:
                raise _overwritten(kind, name, version)
            self._keep(key, body)
        return Template(name, version, self._kept[key])

    def _version_before(self, kind: str, name: str, version: str, moment: datetime) -> Json:
        key = ("template version", kind, name, version)
        history = self._kept.get(key)
        if history is None or history.seen_at < moment:
            body = self._read_template(kind, name, version)
            history = self._keep(key, _History([body], self.clock()))
        found: Json | None = history.at(moment)
        if found is None:
            raise _overwritten(kind, name, version)
        return found

    def _active_before(self, kind: str, name: str, moment: datetime) -> Json:
        key = ("active template", kind, name)
        history = self._kept.get(key)
        if history is None or history.seen_at < moment:
            body = self._read_template(kind, name, None)
            history = self._keep(key, _History([body], self.clock()))
        found: Json | None = history.at(moment)
        if found is None:
            row = self._versions(kind, name, history).at(moment)
            if row is None:
                raise _overwritten(kind, name, "active at that time")
            return self._version_before(kind, name, str(row["Version"]), moment)
        return found

    def _versions(self, kind: str, name: str, active: _History) -> _History:
        """Return the rows of a template's versions, as old as the active version that is known."""
        key = ("template versions", kind, name)
        history: _History | None = self._kept.get(key)
        if history is None or history.seen_at < active.seen_at:
            with _gone_as(f"The versions of {kind} template {name} cannot be read"):
                pages = _template_versions(self.client(), kind, name)
                rows = sorted(pages, key=lambda one: -int(one["Version"]))
            history = self._keep(key, _History(rows, self.clock(), is_complete=True))
        return history

    def _read_template(self, kind: str, name: str, version: str | None) -> Json:
        method, member = _TEMPLATES[kind]
        which = {"Version": version} if version else {}
        with _gone_as(f"{kind} template {name} cannot be read"):
            answer = getattr(self.client(), method)(TemplateName=name, **which)
        body: Json = answer[member]
        return body

    def email_sender(self, app_id: str) -> str | None:
        """Return the FromAddress of the project's email channel, or None without such a channel."""
        key = ("email channel", app_id)
        seen = self._kept.get(key)
        if seen is None or self.monotonic() - seen[0] > _CHANNEL_SECONDS:
            address = None
            try:
                with transient_errors_named():
                    answer = self.client().get_email_channel(ApplicationId=app_id)
                    address = answer["EmailChannelResponse"].get("FromAddress")
            except ClientError as error:
                if error_code(error) != "NotFoundException":
                    raise
            seen = self._keep(key, (self.monotonic(), address))
        found: str | None = seen[1]
        return found

    def _keep(self, key: tuple[str, ...], value: Any) -> Any:
        self._kept.pop(key, None)
        self._kept[key] = value
        if len(self._kept) > _MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        return value


def _template_versions(client: PinpointClient, kind: str, name: str) -> Iterable[Json]:
    token: dict[str, str] = {}
    while True:
        answer = client.list_template_versions(
            TemplateName=name, TemplateType=kind, PageSize="200", **token
        )["TemplateVersionsResponse"]
        yield from answer["Item"]
        if not answer.get("NextToken"):
            return
        token = {"NextToken": answer["NextToken"]}


def _modified(body: Json) -> datetime:
    text = str(body.get("LastModifiedDate") or body.get("CreationDate") or "")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise NotRenderable("LastModifiedDate of the content is not a time.") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _overwritten(kind: str, name: str, version: str) -> NotRenderable:
    return NotRenderable(
        f"{kind} template {name}, version {version}, was overwritten since the message was sent, "
        "and the API has only its new content."
    )


@contextmanager
def _gone_as(what: str) -> Iterator[None]:
    """Raise NotRenderable for content that the API does not have, ServiceUnavailable for later."""
    try:
        with transient_errors_named():
            yield
    except ClientError as error:
        if error_code(error) not in _GONE:
            raise
        raise NotRenderable(f"{what}: {error_code(error)}.") from error
