"""Direct sends: SendMessages to addresses and endpoints, SendUsersMessages to users.

The answer is 200 even when every send fails; each recipient has a result of its own. Results and
logs never hold a text. Each recipient is sent to once: an outcome that is not known is reported as
UNKNOWN_FAILURE and not tried again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from botocore.exceptions import ClientError

from engagement_hub.api.channels import disabled_channels
from engagement_hub.api.hub import Hub, Operation
from engagement_hub.api.wire import Call
from engagement_hub.engagement.errors import BadRequest
from engagement_hub.engagement.messages import (
    MessagePlan,
    address_variables,
    endpoint_variables,
    resolve,
    template_references,
    validate_messages,
)
from engagement_hub.engagement.model import (
    ChannelType,
    Endpoint,
    EndpointStatus,
    JsonObject,
    OptOut,
)
from engagement_hub.store.names import load_template

if TYPE_CHECKING:
    from engagement_hub.senders import SendOutcome

__all__ = ["OPERATIONS"]

_RECIPIENTS = 100
# Sends under way at a time: a hundred then take about two seconds.
_PARALLEL_SENDS = 8
_CHANNELS = (ChannelType.SMS, ChannelType.EMAIL, ChannelType.VOICE)

logger = Logger(service="engagement-hub", child=True)


@dataclass(frozen=True, slots=True)
class _Recipient:
    """One send: `key` finds its place in the answer."""

    key: tuple[str, ...]
    channel: str
    address: str
    variables: Mapping[str, Any]
    configuration: Mapping[str, Any]
    endpoint_id: str | None = None


class _Refused(Exception):
    """A recipient that nothing is sent to, with the result that says why."""

    def __init__(self, status: str, code: int, message: str) -> None:
        super().__init__(message)
        self.result: JsonObject = {
            "DeliveryStatus": status,
            "StatusCode": code,
            "StatusMessage": message,
        }


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
    if len(addresses) + len(endpoints) > _RECIPIENTS:
        raise BadRequest(f"Addresses and Endpoints name more than {_RECIPIENTS} recipients.")
    sending = _Sending(hub, call)
    kept = hub.endpoints.get_many(call.app_id, endpoints)

    results: dict[tuple[str, ...], JsonObject] = {}
    recipients = []
    for address, configuration in addresses.items():
        channel = configuration.get("ChannelType") or ""
        variables = address_variables(address, channel)
        recipients.append(
            _Recipient(("Result", address), channel, address, variables, configuration)
        )
    for endpoint_id, configuration in endpoints.items():
        key = ("EndpointResult", endpoint_id)
        try:
            recipients.append(_to_endpoint(key, kept.get(endpoint_id), configuration))
        except _Refused as refused:
            results[key] = refused.result
    results.update(sending.send_all(recipients))

    answer: JsonObject = {"ApplicationId": call.app_id, "RequestId": call.request_id}
    for (member, name), result in results.items():
        answer.setdefault(member, {})[name] = result
    return answer


def send_users_messages(hub: Hub, call: Call) -> JsonObject:
    """SendUsersMessages: to every active endpoint of each user whose channel has content.

    Raises:
        BadRequest: no user, too many, or content that cannot be read.
        NotFound: a template is named that is not there.
    """
    users = call.body["Users"]
    if not 0 < len(users) <= _RECIPIENTS:
        raise BadRequest(f"Users must name 1 to {_RECIPIENTS} users.")
    sending = _Sending(hub, call)
    results: dict[str, dict[str, JsonObject]] = {user_id: {} for user_id in users}
    recipients = []
    for user_id, configuration in users.items():
        for endpoint in hub.endpoints.user_endpoints(call.app_id, user_id):
            if sending.plan(endpoint.get("ChannelType", "")) is None:
                continue
            key = (user_id, endpoint["Id"])
            try:
                recipients.append(_to_endpoint(key, endpoint, configuration))
            except _Refused as refused:
                results[user_id][endpoint["Id"]] = refused.result
    for (user_id, endpoint_id), result in sending.send_all(recipients).items():
        results[user_id][endpoint_id] = result
    return {"ApplicationId": call.app_id, "RequestId": call.request_id, "Result": results}


def _to_endpoint(
    key: tuple[str, ...], endpoint: Endpoint | None, configuration: Mapping[str, Any]
) -> _Recipient:
    if endpoint is None:
        raise _Refused("PERMANENT_FAILURE", 404, "The project has no endpoint with this id.")
    if endpoint.get("OptOut") == OptOut.ALL:
        raise _Refused("OPT_OUT", 400, "The endpoint opted out of all messages.")
    if endpoint.get("EndpointStatus") == EndpointStatus.INACTIVE:
        raise _Refused("OPT_OUT", 410, "The endpoint is INACTIVE.")
    if not endpoint.get("Address"):
        raise _Refused("PERMANENT_FAILURE", 400, "The endpoint has no Address.")
    return _Recipient(
        key,
        endpoint.get("ChannelType", ""),
        endpoint["Address"],
        endpoint_variables(endpoint),
        configuration,
        endpoint["Id"],
    )


class _Sending:
    """One request's content, and how it goes out."""

    def __init__(self, hub: Hub, call: Call) -> None:
        self._hub = hub
        self._call = call
        configuration = call.body["MessageConfiguration"]
        validate_messages(configuration)
        references = template_references(call.body.get("TemplateConfiguration"))
        templates = {
            template_type: load_template(hub.entities, template_type, name, version)
            for template_type, (name, version) in references.items()
        }
        self._plans = {
            str(channel): resolve(configuration, templates, channel) for channel in _CHANNELS
        }
        self._disabled = disabled_channels(hub, call.app_id)
        self._message_type = (configuration.get("SMSMessage") or {}).get("MessageType")

    def plan(self, channel: str) -> MessagePlan | None:
        """Return the message of a channel, or None where the request has no such message."""
        return self._plans.get(channel)

    def send_all(self, recipients: Iterable[_Recipient]) -> dict[tuple[str, ...], JsonObject]:
        """Send to each address once; the results by the recipients' keys."""
        results: dict[tuple[str, ...], JsonObject] = {}
        to_send: list[tuple[_Recipient, Any]] = []
        seen: set[tuple[str, str]] = set()
        for one in recipients:
            try:
                content = self._content(one)
            except _Refused as refused:
                results[one.key] = refused.result
                continue
            if (one.channel, one.address) in seen:
                duplicate = _Refused("DUPLICATE", 400, "The address is named twice.")
                results[one.key] = duplicate.result
                continue
            seen.add((one.channel, one.address))
            to_send.append((one, content))

        if to_send:
            senders = self._hub.senders  # made here: threads must not make clients
            with ThreadPoolExecutor(_PARALLEL_SENDS) as pool:
                outcomes = list(
                    pool.map(
                        lambda pair: senders.send(
                            pair[1], pair[0].address, context=self._context(pair[0])
                        ),
                        to_send,
                    )
                )
            sent = [(one, outcome) for (one, _), outcome in zip(to_send, outcomes, strict=True)]
            self._report(sent)
            results.update({one.key: _result(one, outcome) for one, outcome in sent})
        return results

    def _content(self, one: _Recipient) -> Any:
        if not one.channel:
            raise _Refused("PERMANENT_FAILURE", 400, "ChannelType is missing.")
        if one.channel not in self._plans:
            raise _Refused(
                "PERMANENT_FAILURE",
                400,
                f"This hub does not send on the channel {one.channel}. For push, call SendMessages "
                "of AWS with a client that has no endpoint_url.",
            )
        if one.channel in self._disabled:
            raise _Refused(
                "PERMANENT_FAILURE", 400, f"The project's {one.channel} channel is not enabled."
            )
        plan = self._plans[one.channel]
        if plan is None:
            raise _Refused(
                "PERMANENT_FAILURE", 400, f"The request has no content for {one.channel}."
            )
        try:
            return plan.render(
                one.variables,
                one.configuration.get("Substitutions"),
                title_override=one.configuration.get("TitleOverride"),
                body_override=one.configuration.get("BodyOverride"),
            )
        except BadRequest as error:
            raise _Refused("PERMANENT_FAILURE", 400, error.message) from error

    def _customer_context(self, one: _Recipient) -> dict[str, str]:
        return {
            **(self._call.body.get("Context") or {}),
            **(one.configuration.get("Context") or {}),
        }

    def _context(self, one: _Recipient) -> dict[str, str]:
        context = {"application_id": self._call.app_id, "request_id": self._call.request_id}
        if one.endpoint_id is not None:
            context["endpoint_id"] = one.endpoint_id
        customer = self._customer_context(one)
        if customer:
            context["customer_context"] = json.dumps(
                customer, ensure_ascii=False, separators=(",", ":")
            )
        return context

    def _report(self, sent: Iterable[tuple[_Recipient, SendOutcome]]) -> None:
        """Write an event for each text that the service refused: no service writes one.

        The messages are out by now, so an event stream that fails must not fail the request: the
        client would send them again.
        """
        from engagement_hub.customer_role import RoleNotAssumable
        from engagement_hub.engagement.events import RefusedStatus, sms_refused
        from engagement_hub.event_stream import EventsNotDelivered
        from shared.pinpoint_events import HubIds

        records = [
            sms_refused(
                RefusedStatus.OPTED_OUT
                if outcome.delivery_status == "OPT_OUT"
                else RefusedStatus.UNKNOWN,
                ids=HubIds(
                    application_id=self._call.app_id,
                    endpoint_id=one.endpoint_id,
                    request_id=self._call.request_id,
                ),
                destination=one.address,
                now=self._call.now,
                account_id=self._hub.account.account_id,
                message_type=self._message_type,
                customer=self._customer_context(one) or None,
            )
            for one, outcome in sent
            if one.channel == ChannelType.SMS and outcome.reason is not None
        ]
        try:
            self._hub.stream.publish(self._call.app_id, records)
        except (EventsNotDelivered, RoleNotAssumable, ClientError) as error:
            logger.error(
                "events of a direct send undelivered",
                app_id=self._call.app_id,
                request_id=self._call.request_id,
                count=len(records),
                error_type=type(error).__name__,
            )


def _result(one: _Recipient, outcome: SendOutcome) -> JsonObject:
    result: JsonObject = {
        "DeliveryStatus": str(outcome.delivery_status),
        "StatusCode": outcome.status_code,
        "StatusMessage": outcome.status_message,
        "MessageId": outcome.message_id,
    }
    # Only the results of endpoints have an address; results of addresses have it as their key.
    return result if one.endpoint_id is None else {**result, "Address": one.address}


OPERATIONS: dict[str, Operation] = {
    "SendMessages": send_messages,
    "SendUsersMessages": send_users_messages,
}
