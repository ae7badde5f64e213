"""AWS End User Messaging SMS and voice (``pinpoint-sms-voice-v2``): sending and receiving.

Messages go to the outbox; delivery events go to the event destinations of the configuration
set named in the send. Sources: API reference of the service for operations and errors, its
user guide for event records and opt-out words.
"""

from __future__ import annotations

import contextvars
import json
import logging
import re
import time
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import phonenumbers

from local_aws.engagement import delivery, outbox, sms_outcomes
from local_aws.engagement.modelled import ModelledError
from local_aws.engagement.registration import here, serve
from local_aws.engagement.sms_resources import (
    DEFAULT_OPT_OUT_LIST,
    SCOPE,
    Json,
    accounts,
    configuration_sets,
    conflict,
    e164,
    invalid,
    not_found,
    opt_out,
    opt_out_lists,
    phone_numbers,
    sender_ids,
    service,
)

PRINCIPAL = "sms-voice.amazonaws.com"
# A send that names no identity, in an account without numbers, comes from this simulator number.
SIMULATOR_NUMBER = "+14255550100"
# Compared with the whole message, in any case.
OPT_OUT_WORDS = frozenset(
    ["ARRET", "CANCEL", "END", "OPT-OUT", "OPTOUT", "QUIT", "REMOVE", "STOP", "TD", "UNSUBSCRIBE"]
)
# US dollars per message part; a plausible amount, the same for every country.
PRICE, CARRIER_FEE = 0.00581, 0.003

logger = logging.getLogger("local_aws.sms_voice")
# Off the event loop: a topic may run a Lambda, which calls back.
_publishers = ThreadPoolExecutor(max_workers=8, thread_name_prefix="sms-events")


@dataclass(frozen=True)
class Origin:
    """What a message is sent from, as the recipient sees it, and its opt-out list."""

    shown: str
    opt_out_list: str = DEFAULT_OPT_OUT_LIST
    resource: str = "*"


def _origin(identity: str | None, capability: str) -> Origin:
    """The origination identity named, or the account's first number that is able to."""
    numbers = phone_numbers.all().values()
    if identity is None:
        able = [number for number in numbers if capability in number["NumberCapabilities"]]
        return _from_number(able[0]) if able else Origin(SIMULATOR_NUMBER)
    name = identity.rpartition("phone-number/")[2]
    for number in numbers:
        if name in (number["PhoneNumberId"], number["PhoneNumber"], number["PhoneNumber"][1:]):
            if capability not in number["NumberCapabilities"]:
                message = f"{identity} has no {capability} capability."
                raise conflict("NUMBER_CAPABILITIES_MISMATCH", message, "phone-number", identity)
            return _from_number(number)
    for key, sender in sender_ids.all().items():
        if identity in (sender["SenderId"], sender["SenderIdArn"]) and capability == "SMS":
            return Origin(sender["SenderId"], resource=f"sender-id/{key}")
    raise not_found("origination-identity", identity)


def _from_number(number: Json) -> Origin:
    return Origin(
        number["PhoneNumber"], number["OptOutListName"], f"phone-number/{number['PhoneNumberId']}"
    )


@service.operation
def send_text_message(request: Json) -> Json:
    if "MessageBody" not in request:
        raise invalid("MessageBody", "MessageBody is missing.", "MISSING_PARAMETER")
    return _send("sms", "SMS", "TEXT", request)


@service.operation
def send_media_message(request: Json) -> Json:
    if not (request.get("MessageBody") or request.get("MediaUrls")):
        raise invalid("MediaUrls", "Give MessageBody or MediaUrls.", "MISSING_PARAMETER")
    media = {"media_urls": request.get("MediaUrls", [])}
    return _send("sms", "MMS", "MEDIA", request, media)


@service.operation
def send_voice_message(request: Json) -> Json:
    spoken = {
        "voice_id": request.get("VoiceId"),
        "body_type": request.get("MessageBodyTextType", "TEXT"),
    }
    return _send("voice", "VOICE", "VOICE", request, spoken)


def _send(
    channel: str, capability: str, kind: str, request: Json, extra: Json | None = None
) -> Json:
    to = e164(request["DestinationPhoneNumber"], "DestinationPhoneNumber")
    named_set: Json = {}
    if "ConfigurationSetName" in request:
        named_set = configuration_sets.find(request["ConfigurationSetName"])
    origin = _origin(request.get("OriginationIdentity"), capability)
    if to in opt_out_lists.find(origin.opt_out_list)["numbers"]:
        message = f"The destination phone number is on opt-out list {origin.opt_out_list!r}."
        raise conflict("DESTINATION_PHONE_NUMBER_OPTED_OUT", message, "opted-out-number", to)
    message_id = str(uuid.uuid4())
    if request.get("DryRun"):
        return {"MessageId": message_id}
    default_type = named_set.get("DefaultMessageType", "TRANSACTIONAL")
    sent = {
        "from": origin.shown,
        "to": to,
        "body": request.get("MessageBody", ""),
        "message_id": message_id,
        "message_type": request.get("MessageType", default_type),
        "configuration_set": named_set.get("ConfigurationSetName"),
        "context": request.get("Context", {}),
        **(extra or {}),
    }
    outbox.deliver(channel, sent)
    if named_set:
        status = None if kind == "VOICE" else sms_outcomes.status_of(to)
        records = event_records(kind, sent, time.time(), status)
        context = contextvars.copy_context()
        # The destinations as they are now: a later update must not redirect this message.
        destinations = [dict(item) for item in named_set["EventDestinations"]]
        source = named_set["ConfigurationSetArn"]
        _publishers.submit(context.run, _publish, destinations, records, source)
    return {"MessageId": message_id}


def event_records(kind: str, message: Json, at: float, status: str | None = None) -> list[Json]:
    """The delivery events of one message, in order; the last one is final.

    Args:
        kind: TEXT, MEDIA or VOICE.
        at: when the message was requested, epoch seconds.
        status: of the last event; None is by the kind of number.
    """
    number = phonenumbers.parse(message["to"])
    landline = phonenumbers.number_type(number) == phonenumbers.PhoneNumberType.FIXED_LINE
    if kind == "VOICE":
        statuses = ["INITIATED", "RINGING", "ANSWERED", "COMPLETED"]
    elif status is not None:
        statuses = ["SUCCESSFUL", "DELIVERED"] if status == "DELIVERED" else [status]
    elif landline:
        statuses = ["UNREACHABLE"]
    elif not phonenumbers.is_valid_number(number):
        statuses = ["INVALID"]
    else:
        statuses = ["SUCCESSFUL", "DELIVERED"]
    common = {
        "eventVersion": "1.0",
        "originationPhoneNumber": message["from"],
        "isoCountryCode": phonenumbers.region_code_for_number(number),
        "messageId": message["message_id"],
        "messageRequestTimestamp": int(at * 1000),
        "context": message["context"],
    }
    if kind != "VOICE":  # voice records carry fewer fields
        gsm = _is_gsm(message["body"])
        size = (160, 153) if gsm else (70, 67)
        length = len(message["body"])
        parts = 1 if length <= size[0] else -(-length // size[1])
        common |= {
            "destinationPhoneNumber": message["to"],
            "messageType": message["message_type"],
            "messageEncoding": "GSM" if gsm else "UNICODE",
            "totalMessageParts": parts,
            "totalMessagePrice": round(parts * PRICE, 5),
            "totalCarrierFee": round(parts * CARRIER_FEE, 5),
        }
    return [
        {
            "eventType": f"{kind}_{status}",
            "eventTimestamp": int(at * 1000) + step,
            "isFinal": status == statuses[-1],
            "messageStatus": status,
            "messageStatusDescription": f"Message status is {status.lower()}",
            **common,
        }
        for step, status in enumerate(statuses)
    ]


_GSM = re.compile(
    r"[@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,\-./0-9:;<=>?¡A-ZÄÖÑÜ§¿a-zäöñüà^{}\\\[~\]|€]*"
)


def _is_gsm(text: str) -> bool:
    """Whether GSM 03.38 can write it; extension characters are counted as one."""
    return _GSM.fullmatch(text) is not None


def _publish(destinations: list[Json], records: list[Json], source_arn: str) -> None:
    for record in records:
        kind = record["eventType"].partition("_")[0]
        for destination in destinations:
            wanted = destination["MatchingEventTypes"]
            if not destination["Enabled"] or not (
                {record["eventType"], f"{kind}_ALL", "ALL"} & set(wanted)
            ):
                continue
            try:
                delivery.to_destination(
                    destination, record, service=PRINCIPAL, source_arn=source_arn
                )
            except delivery.NotAllowed as error:
                logger.warning(
                    "Event destination %s: %s", destination["EventDestinationName"], error
                )


# Receiving


class NoSuchNumber(Exception):
    """No account here owns the number, or the number is not two-way."""


def receive(message: Mapping[str, str]) -> str:
    """Deliver an SMS from a customer (``from``) to a two-way number (``to``) to its topic.

    An opt-out word opts the sender out, unless the number manages opt-outs itself; the message
    is forwarded either way. Call it off the event loop.

    Returns: the inbound message's id.
    Raises:
        NoSuchNumber, delivery.NotAllowed, ModelledError (``from`` is not a number).
    """
    from ministack.core.responses import request_scope

    customer, ours = e164(message["from"], "from"), e164(message["to"], "to")
    for (account_id, region), _ in accounts.all():
        with request_scope(account_id, region):
            for number in list(phone_numbers.all().values()):
                if number["PhoneNumber"] == ours:
                    return _forward(number, customer, message["body"])
    raise NoSuchNumber(f"No account has the number {ours}: request one with RequestPhoneNumber.")


def _forward(number: Json, customer: str, body: str) -> str:
    word = body.strip().upper()
    if word in OPT_OUT_WORDS and not number["SelfManagedOptOutsEnabled"]:
        opt_out(number["OptOutListName"], customer, by_end_user=True)
    topic = number.get("TwoWayChannelArn", "")
    if not (number["TwoWayEnabled"] and topic.startswith("arn:aws:sns:")):
        raise NoSuchNumber(
            f"{number['PhoneNumber']} is not two-way: set TwoWayEnabled and TwoWayChannelArn "
            "(an SNS topic) with UpdatePhoneNumber."
        )
    previous = [
        sent["message_id"]
        for sent in outbox.messages("sms")
        if sent["to"] == customer and sent["from"] == number["PhoneNumber"]
    ]
    inbound_id = str(uuid.uuid4())
    record = {
        "originationNumber": customer,
        "destinationNumber": number["PhoneNumber"],
        "messageKeyword": word if word in OPT_OUT_WORDS | {"HELP"} else f"KEYWORD_{here()[0]}",
        "messageBody": body,
        "inboundMessageId": inbound_id,
    } | ({"previousPublishedMessageId": previous[-1]} if previous else {})
    if role := number.get("TwoWayChannelRole"):
        delivery.to_topic_as(role, topic, json.dumps(record), service=PRINCIPAL)
    else:
        delivery.to_topic(
            topic, json.dumps(record), service=PRINCIPAL, source_arn=number["PhoneNumberArn"]
        )
    return inbound_id


# Authorization


def _resource_of(method: str, path: str, headers: Mapping[str, str], body: bytes) -> str:
    """The resource type that the service authorization reference gives for the request."""
    try:
        request = json.loads(body or b"{}")
    except ValueError:
        return "*"
    if not isinstance(request, dict):
        return "*"
    capabilities = {
        "SendTextMessage": "SMS", "SendMediaMessage": "MMS", "SendVoiceMessage": "VOICE"
    }  # fmt: skip
    if capability := capabilities.get(headers.get("x-amz-target", "").rpartition(".")[2]):
        try:
            identity = request.get("OriginationIdentity")
            # A value of another type is refused after the authorization.
            return _origin(None if identity is None else str(identity), capability).resource
        except ModelledError:
            identity = str(identity)
            return identity if identity.startswith("arn:") else f"phone-number/{identity}"
    kinds: dict[str, Callable[[str], str]] = {
        "ResourceArn": str,
        "PhoneNumberId": "phone-number/{}".format,
        "ConfigurationSetName": "configuration-set/{}".format,
        "OptOutListName": "opt-out-list/{}".format,
        "SenderId": f"sender-id/{{}}/{request.get('IsoCountryCode', '*')}".format,
    }
    for member, resource in kinds.items():
        if value := request.get(member):
            return str(value) if str(value).startswith("arn:") else resource(str(value))
    return "*"


def reset() -> None:
    accounts.reset()
    sms_outcomes.reset()


def register() -> None:
    serve(SCOPE, service, _resource_of)
