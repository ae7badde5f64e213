"""Direct sends: SendMessages to addresses and endpoints, SendUsersMessages to users.

The answer is 200 even when every send fails; each recipient has a result of its own. Results and
logs never hold a text. Each recipient is sent to once: an outcome that is not known is reported as
UNKNOWN_FAILURE and not tried again, and a client's repetition of a request gets the results of its
first attempt.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, cast

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from engagement_hub.api.delivery import Delivered, Delivery, Message, record_of
from engagement_hub.api.events import publish_or_keep
from engagement_hub.api.operation import Operation
from engagement_hub.api.push import PUSH_OPERATION, PushSender
from engagement_hub.api.wire import Call
from engagement_hub.engagement.campaigns import ENDPOINTS_PER_CALL
from engagement_hub.engagement.direct_sends import (
    MOST_RECIPIENTS,
    check_members,
    check_number,
    refusal,
    skipped,
    without_recommendations,
)
from engagement_hub.engagement.eligibility import Rules, Skip, address_key, decide
from engagement_hub.engagement.endpoint_requests import checked_id
from engagement_hub.engagement.errors import BadRequest, EngagementError
from engagement_hub.engagement.events import RefusedStatus, sms_refused
from engagement_hub.engagement.messages import validate_messages
from engagement_hub.engagement.model import ChannelType, Endpoint, JsonObject
from engagement_hub.engagement.recommenders import uses_recommendations
from engagement_hub.hub import Hub
from engagement_hub.store import chunks
from engagement_hub.store.channels import channel_settings
from engagement_hub.store.entities import ACCOUNT, Kind
from engagement_hub.store.names import load_template
from engagement_hub.store.sent_requests import Path
from shared.messages.content import (
    address_variables,
    endpoint_variables,
    has_inline_text,
    resolve,
    template_references,
)
from shared.messages.push import PUSH_MEMBERS, PushContent, PushPlan, push_plan
from shared.pinpoint_events import HubIds

__all__ = ["OPERATIONS"]

# Longest time for a recommender model. Its function has one invocation of 15 seconds at the most,
# and after the second time no other batch of endpoints begins: the request has 29 seconds in all.
_MODEL_SECONDS = 4.0
_LAST_RECOMMENDATIONS_SECONDS = 4.0
_CHANNELS = frozenset(map(str, (ChannelType.SMS, ChannelType.EMAIL, ChannelType.VOICE)))

logger = Logger(service="engagement-hub", child=True)


def send_messages(hub: Hub, call: Call) -> JsonObject:
    """SendMessages: to addresses, to endpoints, or to both.

    Raises:
        BadRequest: no recipient, too many, or content that cannot be read.
        NotFound: a template is named that is not there.
    """
    addresses = call.body.get("Addresses") or {}
    endpoints = call.body.get("Endpoints") or {}
    if not addresses and not endpoints:
        raise BadRequest("Addresses or Endpoints must name a recipient.")
    if len(addresses) + len(endpoints) > MOST_RECIPIENTS:
        raise BadRequest(f"Addresses and Endpoints name more than {MOST_RECIPIENTS} recipients.")
    sending = _Sending(hub, call)
    for address, configuration in addresses.items():
        bare = {"ChannelType": configuration.get("ChannelType") or "", "Address": address}
        sending.add(("Result", address), cast("Endpoint", bare), configuration)
    kept = hub.endpoints.get_many(call.app_id, filter(_is_id, endpoints))
    sending.recommend(kept.values())
    for endpoint_id, configuration in endpoints.items():
        sending.add(("EndpointResult", endpoint_id), kept.get(endpoint_id), configuration)

    delivered = sending.send()
    answer: JsonObject = {"ApplicationId": call.app_id, "RequestId": delivered.request_id}
    for (member, name), result in delivered.results.items():
        answer.setdefault(member, {})[name] = result
    return answer


def send_users_messages(hub: Hub, call: Call) -> JsonObject:
    """SendUsersMessages: to every active endpoint of each user whose channel has content.

    Raises:
        BadRequest: no user, too many users or endpoints, or content that cannot be read.
        NotFound: a template is named that is not there.
    """
    users = call.body["Users"]
    if not 0 < len(users) <= MOST_RECIPIENTS:
        raise BadRequest(f"Users must name 1 to {MOST_RECIPIENTS} users.")
    sending = _Sending(hub, call)
    found = {
        user_id: [
            endpoint
            for endpoint in hub.endpoints.user_endpoints(call.app_id, user_id)
            if endpoint.get("ChannelType") in sending.channels
        ]
        for user_id in filter(_is_id, users)
    }
    sending.recommend(endpoint for endpoints in found.values() for endpoint in endpoints)
    for user_id, endpoints in found.items():
        for endpoint in endpoints:
            sending.add((user_id, endpoint["Id"]), endpoint, users[user_id])
    check_number(len(sending.messages))

    delivered = sending.send()
    results: dict[str, dict[str, JsonObject]] = {user_id: {} for user_id in users}
    for (user_id, endpoint_id), result in delivered.results.items():
        results.setdefault(user_id, {})[endpoint_id] = result
    return {"ApplicationId": call.app_id, "RequestId": delivered.request_id, "Result": results}


def _is_id(text: str) -> bool:
    """Check whether an endpoint or user can have the id; no endpoint and no user has another id."""
    try:
        checked_id("Id", text)
    except BadRequest:
        return False
    return True


class _Sending:
    """One request: its content, its recipients, and how it goes out."""

    def __init__(self, hub: Hub, call: Call) -> None:
        self._hub = hub
        self._call = call
        self._delivery = Delivery(hub, call.request_id, record_of(hub, call))
        check_members(call.body)
        configuration = call.body["MessageConfiguration"]
        validate_messages(configuration)
        references = template_references(call.body.get("TemplateConfiguration"))
        templates = {
            template_type: load_template(hub.entities, template_type, name, version)
            for template_type, (name, version) in references.items()
        }
        plans = {channel: resolve(configuration, templates, channel) for channel in _CHANNELS}
        push_template, push_plans = self._push(configuration)
        self._plans = {
            channel: plan for channel, plan in (plans | push_plans).items() if plan is not None
        }
        self._settings = channel_settings(hub.entities, call.app_id)
        self._message_type = (configuration.get("SMSMessage") or {}).get("MessageType")
        self._offered = _CHANNELS
        if PUSH_OPERATION in hub.forwards:
            self._offered |= PUSH_MEMBERS.keys()
        self._contexts: dict[Path, dict[str, str]] = {}
        self._sent_to: dict[str, str] = {}
        self._results: dict[Path, JsonObject] = {}
        self._recommenders = {
            channel: hub.entities.require(ACCOUNT, Kind.RECOMMENDER, template["RecommenderId"])
            for channel, template in templates.items()
            if uses_recommendations(template) and not has_inline_text(configuration, channel)
        }
        if push_template is not None and uses_recommendations(push_template):
            of_template = [name for name, plan in push_plans.items() if plan and plan.is_template]
            recommender = hub.entities.require(
                ACCOUNT, Kind.RECOMMENDER, push_template["RecommenderId"]
            )
            self._recommenders |= dict.fromkeys(of_template, recommender)
        self._recommended: dict[str, JsonObject] = {}
        self.channels = frozenset(self._plans)
        self._rules = Rules(channels=self.channels, disabled=self._settings.disabled)
        self.messages: list[Message] = []

    def _push(
        self, configuration: Mapping[str, Any]
    ) -> tuple[JsonObject | None, dict[str, PushPlan | None]]:
        """Return the push template and the notifications by channel: only where the hub may hand
        messages on to AWS."""
        if PUSH_OPERATION not in self._hub.forwards:
            return None, {}
        named = (self._call.body.get("TemplateConfiguration") or {}).get("PushTemplate") or {}
        template = (
            load_template(self._hub.entities, "PUSH", named["Name"], named.get("Version"))
            if named.get("Name")
            else None
        )
        return template, {
            channel: push_plan(configuration, template, channel) for channel in PUSH_MEMBERS
        }

    def recommend(self, endpoints: Iterable[Endpoint]) -> None:
        """Get the recommendations for endpoints that a message may go to; `add` refuses an
        endpoint without.

        Raises:
            BadRequest: more endpoints than a request sends to.
        """
        recipients = list(endpoints)
        end = self._hub.clock() + _LAST_RECOMMENDATIONS_SECONDS
        for channel, recommender in self._recommenders.items():
            asked = [
                one
                for one in recipients
                if one.get("ChannelType") == channel
                and not isinstance(decide(one, self._rules, now=self._call.now), Skip)
            ]
            check_number(len(asked))
            for batch in chunks(asked, ENDPOINTS_PER_CALL):
                if self._hub.clock() >= end:
                    return
                self._recommended |= self._hub.recommendations.of(
                    recommender,
                    batch,
                    app_id=self._call.app_id,
                    ids={"ApplicationId": self._call.app_id},
                    seconds=_MODEL_SECONDS,
                    attempts=1,
                )

    def add(self, path: Path, recipient: Endpoint | None, configuration: Mapping[str, Any]) -> None:
        """Add a recipient: as a message to send, or as a result that names the reason why not."""
        channel = str((recipient or {}).get("ChannelType") or "")
        address = str((recipient or {}).get("Address") or "")
        key = address_key(channel, address)
        decision = decide(
            recipient, self._rules, now=self._call.now, sent_to=self._sent_to.get(key)
        )
        if isinstance(decision, Skip):
            self._results[path] = skipped(decision.reason, channel, self._offered)
            return
        endpoint_id = decision.endpoint.get("Id")
        variables: Mapping[str, Any] = (
            address_variables(address, channel)
            if endpoint_id is None
            else endpoint_variables(decision.endpoint)
        )
        if channel in self._recommenders:
            recommended = self._recommended.get(endpoint_id or "")
            if recommended is None:
                self._results[path] = without_recommendations(is_endpoint=endpoint_id is not None)
                return
            variables = {**variables, **recommended}
        try:
            content = self._plans[channel].render(
                variables,
                configuration.get("Substitutions"),
                title_override=configuration.get("TitleOverride"),
                body_override=configuration.get("BodyOverride"),
            )
        except EngagementError as error:
            self._results[path] = refusal("PERMANENT_FAILURE", 400, error.message)
            return
        except Exception as error:
            # A value that no rule foresaw costs its own recipient the message, and no other one.
            self._results[path] = refusal(
                "PERMANENT_FAILURE", 500, "The hub failed to render the message."
            )
            logger.error(
                "rendering failed",
                request_id=self._call.request_id,
                error_type=type(error).__name__,
            )
            return
        self._sent_to[key] = endpoint_id or ""
        sender = (
            PushSender(self._hub, self._call.app_id, channel).send
            if channel in PUSH_MEMBERS
            else None
        )
        self._contexts[path] = {
            **(self._call.body.get("Context") or {}),
            **(configuration.get("Context") or {}),
        }
        self.messages.append(
            Message(
                path,
                channel,
                decision.address,
                content if isinstance(content, PushContent) else self._settings.applied(content),
                self._context(endpoint_id, self._contexts[path]),
                endpoint_id,
                sender,
            )
        )

    def send(self) -> Delivered:
        """Send to everybody who was added, and report the texts that were refused."""
        delivered = self._delivery.send(self.messages, self._results)
        self._report(delivered)
        return delivered

    def _context(self, endpoint_id: str | None, customer: Mapping[str, str]) -> dict[str, str]:
        context = {"application_id": self._call.app_id, "request_id": self._call.request_id}
        if endpoint_id is not None:
            context["endpoint_id"] = endpoint_id
        if customer:
            context["customer_context"] = json.dumps(
                customer, ensure_ascii=False, separators=(",", ":")
            )
        return context

    def _report(self, delivered: Delivered) -> None:
        """Write an event for each text that the service refused: no service writes one.

        The messages are out by now, so events that are lost must not fail the request.
        """
        records = [
            sms_refused(
                RefusedStatus.OPTED_OUT
                if outcome.delivery_status == "OPT_OUT"
                else RefusedStatus.UNKNOWN,
                ids=HubIds(
                    application_id=self._call.app_id,
                    endpoint_id=message.endpoint_id,
                    request_id=self._call.request_id,
                ),
                destination=message.address,
                now=self._call.now,
                account_id=self._hub.account.account_id,
                message_type=self._message_type,
                customer=self._contexts[message.path] or None,
            )
            for message, outcome in delivered.outcomes
            if message.channel == ChannelType.SMS and outcome.reason is not None
        ]
        try:
            publish_or_keep(self._hub, self._call, records)
        except (ClientError, BotoCoreError) as error:
            logger.error(
                "events of a direct send are lost",
                app_id=self._call.app_id,
                request_id=self._call.request_id,
                count=len(records),
                error_type=type(error).__name__,
            )


OPERATIONS: dict[str, Operation] = {
    "SendMessages": send_messages,
    "SendUsersMessages": send_users_messages,
}
