"""Texts of campaigns and journeys: rendered again, for the endpoint as it is now."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from shared.messages.content import SmsContent
from shared.phone_numbers import same_number
from shared.pinpoint import current_endpoint
from shared.sent_messages.contents import Contents
from shared.sent_messages.rendering import MessageMaker
from shared.sent_messages.sends import NotRenderable, Origin, Send
from shared.transient import transient_errors_named
from sms_retry.failures import End, Failure
from sms_retry.remember import Text

if TYPE_CHECKING:
    from mypy_boto3_pinpoint import PinpointClient

__all__ = ["CannotRetry", "Programs"]

Json = Mapping[str, Any]
_SETTINGS_SECONDS = 600


class CannotRetry(Exception):
    """The message must not, or cannot, be sent again; another attempt cannot help."""

    def __init__(self, reason: End, detail: str = "") -> None:
        super().__init__(detail or str(reason))
        self.reason = reason


@dataclass(slots=True)
class Programs:
    """Renders the messages of a project's campaigns and journeys."""

    client: Callable[[], PinpointClient]
    monotonic: Callable[[], float] = time.monotonic
    _contents: Contents = field(init=False)
    _maker: MessageMaker = field(init=False)
    _hooks: dict[str, tuple[float, bool]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._contents = Contents(self.client)
        self._maker = MessageMaker(self._contents)

    def text(self, failure: Failure) -> Text:
        """Return the text of a message for its endpoint.

        Raises:
            CannotRetry: the endpoint must not get it now, or the text cannot be known.
            ServiceUnavailable: the API does not answer now.
        """
        ids = failure.ids.given()
        app_id, endpoint_id = ids["application_id"], ids["endpoint_id"]
        endpoint = self._endpoint(app_id, endpoint_id)
        if endpoint.get("OptOut") == "ALL":
            raise CannotRetry(End.OPTED_OUT)
        if endpoint.get("EndpointStatus") == "INACTIVE":
            raise CannotRetry(End.INACTIVE)
        address = endpoint.get("Address") or ""
        if endpoint.get("ChannelType") != "SMS" or not same_number(address, failure.number):
            raise CannotRetry(End.ADDRESS_CHANGED)
        send = Send(
            origin=Origin.CAMPAIGN if failure.ids.campaign_id else Origin.JOURNEY,
            application_id=app_id,
            endpoint_id=endpoint_id,
            sent_at=datetime.fromtimestamp(failure.first_at / 1000, UTC),
            ids=ids,
            channel="SMS",
            endpoint={**endpoint, "Id": endpoint_id},
            attributes={},
        )
        try:
            if send.origin is Origin.CAMPAIGN and self._has_hook(send):
                raise CannotRetry(End.HOOK)
            content = self._maker.message(send).content
        except NotRenderable as error:
            raise CannotRetry(End.TEXT_GONE, str(error)) from error
        if not isinstance(content, SmsContent) or content.media_url:
            raise CannotRetry(End.TEXT_GONE, "The content has no text message.")
        return Text(content.body, settings=_settings(content))

    def _endpoint(self, app_id: str, endpoint_id: str) -> Json:
        with transient_errors_named():
            endpoint = current_endpoint(self.client(), app_id, endpoint_id)
        if endpoint is None:
            raise CannotRetry(End.ENDPOINT_GONE)
        return endpoint

    def _has_hook(self, send: Send) -> bool:
        """Check whether a hook may have changed the endpoint's attributes, and so the text."""
        campaign, _ = self._contents.campaign(send)
        if _is_hook(campaign.get("Hook")):
            return True
        kept = self._hooks.get(send.application_id)
        if kept is None or self.monotonic() - kept[0] > _SETTINGS_SECONDS:
            with transient_errors_named():
                answer = self.client().get_application_settings(ApplicationId=send.application_id)
            hook = answer["ApplicationSettingsResource"].get("CampaignHook")
            kept = self._hooks[send.application_id] = (self.monotonic(), _is_hook(hook))
        return kept[1]


def _is_hook(hook: Any) -> bool:
    return bool(hook and (hook.get("LambdaFunctionName") or hook.get("WebUrl")))


def _settings(content: SmsContent) -> dict[str, Any]:
    india = {"IN_ENTITY_ID": content.entity_id, "IN_TEMPLATE_ID": content.template_id}
    given = {name: value for name, value in india.items() if value}
    settings: dict[str, Any] = {"DestinationCountryParameters": given} if given else {}
    if content.keyword:
        settings["Keyword"] = content.keyword
    return settings
