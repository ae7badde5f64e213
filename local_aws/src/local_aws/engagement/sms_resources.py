"""What an account owns in AWS End User Messaging: sets, lists, numbers, sender IDs, tags.

The operations of ``pinpoint-sms-voice-v2`` that make, describe, change and delete these.
Source: API reference of the service. Sending is in :mod:`local_aws.engagement.sms_voice`.
"""

from __future__ import annotations

import itertools
import re
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import phonenumbers

from local_aws.engagement.modelled import ModelledError, Service
from local_aws.engagement.registration import Scoped, arn

SCOPE = "sms-voice"
DEFAULT_OPT_OUT_LIST = "Default"
DELETED_ONCE_IN = timedelta(days=30)

# The API's own shapes, with a few members of ours that the model lacks and answers leave out.
Json = dict[str, Any]


def _absent(operation: str) -> ModelledError:
    return ModelledError(
        "ValidationException",
        f"{operation} is not available in the local AWS: run it against AWS, or leave it out.",
        Reason="UNKNOWN_OPERATION",
    )


service = Service("pinpoint-sms-voice-v2", invalid="ValidationException", absent=_absent)


def not_found(word: str, identity: str) -> ModelledError:
    return ModelledError(
        "ResourceNotFoundException",
        f"There is no {word} {identity!r} in this account and region.",
        ResourceType=word,
        ResourceId=identity,
    )


def conflict(reason: str, message: str, word: str, identity: str) -> ModelledError:
    return ModelledError(
        "ConflictException", message, Reason=reason, ResourceType=word, ResourceId=identity
    )


def invalid(member: str, message: str, reason: str = "FIELD_VALIDATION_FAILED") -> ModelledError:
    fields = [{"Name": member, "Message": message}]
    return ModelledError("ValidationException", message, Reason=reason, Fields=fields)


def e164(number: str, member: str) -> str:
    """``+`` and digits of a number that a numbering plan has room for."""
    text = number if number.startswith("+") else f"+{number}"
    try:
        parsed = phonenumbers.parse(text)
    except phonenumbers.NumberParseException:
        parsed = None
    if parsed is None or not phonenumbers.is_possible_number(parsed):
        raise invalid(member, f"{member} is not a phone number: use E.164, as in +12065550100.")
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


@dataclass(frozen=True)
class Owned:
    """One type of resource: the word in its ARN and messages, and the member with its ARN."""

    word: str
    arn_member: str

    def all(self) -> dict[str, Json]:
        """Those of this account and region, by name or id."""
        return accounts.here().setdefault(self.word, {})

    def find(self, identity: str) -> Json:
        """By name, id or ARN."""
        key = identity.partition(f":{self.word}/")[2] if identity.startswith("arn:") else identity
        if key not in self.all():
            raise not_found(self.word, identity)
        return self.all()[key]

    def add(self, identity: str, request: Json, thing: Json) -> Json:
        if identity in self.all():
            message = f"{self.word} {identity!r} exists already."
            raise conflict("RESOURCE_ALREADY_EXISTS", message, self.word, identity)
        self.all()[identity] = thing | {
            self.arn_member: arn(SCOPE, f"{self.word}/{identity}"),
            "CreatedTimestamp": datetime.now(UTC),
            "Tags": list(request.get("Tags", [])),
        }
        return self.all()[identity]

    def remove(self, thing: Json) -> Json:
        self.all().pop(thing[self.arn_member].partition(f":{self.word}/")[2])
        return thing

    def describe(self, request: Json, wanted: list[str] | None, member: str) -> Json:
        """A page of those wanted (None: all) that pass the request's filters."""
        chosen = self.all().values() if wanted is None else map(self.find, wanted)
        return page(chosen, request, member)


def page(things: Iterable[Json], request: Json, member: str) -> Json:
    """Filters are ANDed, the values of one are ORed; they are named as members, in kebab-case."""

    def matches(thing: Json, wanted: Json) -> bool:
        name = "".join(part.capitalize() for part in wanted["Name"].split("-"))
        have = thing.get("NumberCapabilities" if name == "NumberCapability" else name, [])
        values = [str(value).lower() for value in (have if isinstance(have, list) else [have])]
        return any(value.lower() in values for value in wanted["Values"])

    filters = request.get("Filters", [])
    passed = [thing for thing in things if all(matches(thing, wanted) for wanted in filters)]
    token = request.get("NextToken", "0")
    if not token.isdecimal():
        raise invalid("NextToken", "NextToken was not given by this service.", "INVALID_NEXT_TOKEN")
    end = int(token) + request.get("MaxResults", 100)
    following = {"NextToken": str(end)} if end < len(passed) else {}
    return {member: passed[int(token) : end], **following}


configuration_sets = Owned("configuration-set", "ConfigurationSetArn")
opt_out_lists = Owned("opt-out-list", "OptOutListArn")
phone_numbers = Owned("phone-number", "PhoneNumberArn")
sender_ids = Owned("sender-id", "SenderIdArn")
KINDS = (configuration_sets, opt_out_lists, phone_numbers, sender_ids)


def _new_account() -> dict[str, dict[str, Json]]:
    default = {
        "OptOutListArn": arn(SCOPE, f"opt-out-list/{DEFAULT_OPT_OUT_LIST}"),
        "OptOutListName": DEFAULT_OPT_OUT_LIST,
        "CreatedTimestamp": datetime.now(UTC),
        "Tags": [],
        "numbers": {},
    }
    return {opt_out_lists.word: {DEFAULT_OPT_OUT_LIST: default}}


accounts: Scoped[dict[str, dict[str, Json]]] = Scoped(_new_account)


# Configuration sets and event destinations


@service.operation
def create_configuration_set(request: Json) -> Json:
    name = request["ConfigurationSetName"]
    made = {"ConfigurationSetName": name, "EventDestinations": []}
    return configuration_sets.add(name, request, made)


@service.operation
def describe_configuration_sets(request: Json) -> Json:
    wanted = request.get("ConfigurationSetNames")
    return configuration_sets.describe(request, wanted, "ConfigurationSets")


@service.operation
def delete_configuration_set(request: Json) -> Json:
    return configuration_sets.remove(configuration_sets.find(request["ConfigurationSetName"]))


def _set_default(request: Json, member: str) -> Json:
    found = configuration_sets.find(request["ConfigurationSetName"])
    found[f"Default{member}"] = request[member]
    return {**found, member: request[member]}


def _delete_default(request: Json, member: str) -> Json:
    found = configuration_sets.find(request["ConfigurationSetName"])
    return {**found, member: found.pop(f"Default{member}", None)}


@service.operation
def set_default_message_type(request: Json) -> Json:
    return _set_default(request, "MessageType")


@service.operation
def delete_default_message_type(request: Json) -> Json:
    return _delete_default(request, "MessageType")


@service.operation
def set_default_sender_id(request: Json) -> Json:
    return _set_default(request, "SenderId")


@service.operation
def delete_default_sender_id(request: Json) -> Json:
    return _delete_default(request, "SenderId")


_TARGETS = ("CloudWatchLogsDestination", "KinesisFirehoseDestination", "SnsDestination")


def _destinations(request: Json) -> tuple[Json, dict[str, Json]]:
    """The configuration set of a request, and its event destinations by name."""
    found = configuration_sets.find(request["ConfigurationSetName"])
    return found, {d["EventDestinationName"]: d for d in found["EventDestinations"]}


def _destination(request: Json) -> tuple[Json, Json]:
    """The configuration set of a request, and the event destination that it names."""
    found, destinations = _destinations(request)
    name = request["EventDestinationName"]
    if name not in destinations:
        raise not_found("event-destination", name)
    return found, destinations[name]


def _targets(request: Json) -> Json:
    given = {target: request[target] for target in _TARGETS if target in request}
    if len(given) > 1:
        message = f"Give only one of {', '.join(_TARGETS)}."
        raise invalid("EventDestination", message, "PARAMETERS_CANNOT_BE_USED_TOGETHER")
    return given


@service.operation
def create_event_destination(request: Json) -> Json:
    found, destinations = _destinations(request)
    name, target = request["EventDestinationName"], _targets(request)
    if not target:
        message = f"Give one of {', '.join(_TARGETS)}."
        raise invalid("EventDestination", message, "MISSING_PARAMETER")
    if name in destinations:
        message = f"event-destination {name!r} exists already."
        raise conflict("RESOURCE_ALREADY_EXISTS", message, "event-destination", name)
    types = request["MatchingEventTypes"]
    made = {"EventDestinationName": name, "Enabled": True, "MatchingEventTypes": types, **target}
    found["EventDestinations"].append(made)
    return {**found, "EventDestination": made}


@service.operation
def update_event_destination(request: Json) -> Json:
    found, changed = _destination(request)
    target = _targets(request)
    for former in _TARGETS if target else ():
        changed.pop(former, None)
    kept = ("Enabled", "MatchingEventTypes")
    changed.update(target | {name: request[name] for name in kept if name in request})
    return {**found, "EventDestination": changed}


@service.operation
def delete_event_destination(request: Json) -> Json:
    found, gone = _destination(request)
    found["EventDestinations"].remove(gone)
    return {**found, "EventDestination": gone}


# Opt-out lists


@service.operation
def create_opt_out_list(request: Json) -> Json:
    name = request["OptOutListName"]
    return opt_out_lists.add(name, request, {"OptOutListName": name, "numbers": {}})


@service.operation
def describe_opt_out_lists(request: Json) -> Json:
    return opt_out_lists.describe(request, request.get("OptOutListNames"), "OptOutLists")


@service.operation
def delete_opt_out_list(request: Json) -> Json:
    gone = opt_out_lists.find(request["OptOutListName"])
    name = gone["OptOutListName"]
    users = [number["OptOutListName"] for number in phone_numbers.all().values()]
    if name in (DEFAULT_OPT_OUT_LIST, *users):
        message = f"Opt-out list {name!r} is the default or in use by a phone number."
        raise conflict("RESOURCE_DELETION_NOT_ALLOWED", message, "opt-out-list", name)
    return opt_out_lists.remove(gone)


def opt_out(name: str, number: str, *, by_end_user: bool) -> Json:
    """Put a number on a list; a number that is there stays as it is."""
    entry = {
        "OptedOutNumber": number,
        "OptedOutTimestamp": datetime.now(UTC),
        "EndUserOptedOut": by_end_user,
    }
    kept: Json = opt_out_lists.find(name)["numbers"].setdefault(number, entry)
    return kept


@service.operation
def put_opted_out_number(request: Json) -> Json:
    name = request["OptOutListName"]
    number = e164(request["OptedOutNumber"], "OptedOutNumber")
    return opt_out_lists.find(name) | opt_out(name, number, by_end_user=False)


@service.operation
def delete_opted_out_number(request: Json) -> Json:
    found = opt_out_lists.find(request["OptOutListName"])
    number = e164(request["OptedOutNumber"], "OptedOutNumber")
    if number not in found["numbers"]:
        raise not_found("opted-out-number", number)
    # API reference, DeleteOptedOutNumber: "only once every 30 days". AWS publishes the reason and
    # not the error that carries it.
    deleted, now = found.setdefault("deleted", {}), datetime.now(UTC)
    if number in deleted and now - deleted[number] < DELETED_ONCE_IN:
        message = "A number can be deleted from an opt-out list once every 30 days."
        raise invalid("OptedOutNumber", message, "PHONE_NUMBER_CANNOT_BE_OPTED_IN")
    deleted[number] = now
    return {**found, **found["numbers"].pop(number)}


@service.operation
def describe_opted_out_numbers(request: Json) -> Json:
    found = opt_out_lists.find(request["OptOutListName"])
    numbers: dict[str, Json] = found["numbers"]
    wanted = [e164(n, "OptedOutNumbers") for n in request.get("OptedOutNumbers") or numbers]
    for number in wanted:
        if number not in numbers:
            raise not_found("opted-out-number", number)
    return found | page([numbers[number] for number in wanted], request, "OptedOutNumbers")


# Origination identities

_serial = itertools.count()


@service.operation
def request_phone_number(request: Json) -> Json:
    country = request["IsoCountryCode"]
    example = phonenumbers.example_number_for_type(country, phonenumbers.PhoneNumberType.MOBILE)
    if example is None:
        message = f"No numbers are sold in {country!r}: use a country such as US or GB."
        raise invalid("IsoCountryCode", message, "COUNTRY_NOT_ENABLED")
    if "PoolId" in request:
        raise not_found("pool", request["PoolId"])
    opt_out_list = opt_out_lists.find(request.get("OptOutListName", DEFAULT_OPT_OUT_LIST))
    identity = f"phone-{uuid.uuid4().hex}"
    prefix = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)[:-4]
    made: Json = {
        "InternationalSendingEnabled": False,
        "DeletionProtectionEnabled": False,
        **request,
        "PhoneNumberId": identity,
        "PhoneNumber": f"{prefix}{next(_serial) % 10_000:04d}",
        "Status": "ACTIVE",
        "MonthlyLeasingPrice": "1.00",
        "TwoWayEnabled": False,
        "SelfManagedOptOutsEnabled": False,
        "OptOutListName": opt_out_list["OptOutListName"],
    }
    return phone_numbers.add(identity, request, made)


@service.operation
def describe_phone_numbers(request: Json) -> Json:
    return phone_numbers.describe(request, request.get("PhoneNumberIds"), "PhoneNumbers")


_CHANNEL = re.compile(
    r"arn:[a-z-]+:sns:[a-z0-9-]+:\d{12}:[\w-]+|connect\.[a-z0-9-]+\.amazonaws\.com"
)


@service.operation
def update_phone_number(request: Json) -> Json:
    found = phone_numbers.find(request["PhoneNumberId"])
    change = {member: value for member, value in request.items() if member != "PhoneNumberId"}
    if "OptOutListName" in change:
        change["OptOutListName"] = opt_out_lists.find(change["OptOutListName"])["OptOutListName"]
    after = found | change
    if after["TwoWayEnabled"] and "TwoWayChannelArn" not in after:
        message = "TwoWayEnabled needs a TwoWayChannelArn: give the ARN of an SNS topic."
        raise invalid("TwoWayChannelArn", message, "TWO_WAY_CHANNEL_NOT_PRESENT")
    channel = change.get("TwoWayChannelArn", "")
    if channel.endswith(".fifo"):
        message = "Amazon SNS FIFO topics are not supported: use a standard topic."
        raise invalid("TwoWayChannelArn", message, "INVALID_PARAMETER")
    if channel and not _CHANNEL.fullmatch(channel):
        message = (
            "TwoWayChannelArn must be the ARN of an SNS topic, or connect.REGION.amazonaws.com."
        )
        raise invalid("TwoWayChannelArn", message, "INVALID_ARN")
    found.update(change)
    return found


@service.operation
def release_phone_number(request: Json) -> Json:
    gone = phone_numbers.find(request["PhoneNumberId"])
    if gone["DeletionProtectionEnabled"]:
        message = "Deletion protection is on for this number: turn it off first."
        raise conflict(
            "DELETION_PROTECTION_ENABLED", message, "phone-number", gone["PhoneNumberId"]
        )
    return phone_numbers.remove(gone) | {"Status": "DELETED"}


@service.operation
def request_sender_id(request: Json) -> Json:
    made = {
        "MonthlyLeasingPrice": "0.00",
        "DeletionProtectionEnabled": False,
        "MessageTypes": ["TRANSACTIONAL"],
        "Registered": False,
        **request,
    }
    return sender_ids.add(_sender_key(request), request, made)


def _sender_key(request: Json) -> str:
    return f"{request['SenderId']}/{request['IsoCountryCode']}"


@service.operation
def describe_sender_ids(request: Json) -> Json:
    wanted = (
        [_sender_key(item) for item in request["SenderIds"]] if "SenderIds" in request else None
    )
    return sender_ids.describe(request, wanted, "SenderIds")


@service.operation
def release_sender_id(request: Json) -> Json:
    return sender_ids.remove(sender_ids.find(_sender_key(request)))


# Tags


def _tagged(resource_arn: str) -> Json:
    for kind in KINDS:
        for thing in kind.all().values():
            if thing[kind.arn_member] == resource_arn:
                return thing
    raise not_found("resource", resource_arn)


@service.operation
def tag_resource(request: Json) -> Json:
    thing = _tagged(request["ResourceArn"])
    changed = {tag["Key"]: tag for tag in [*thing["Tags"], *request["Tags"]]}
    thing["Tags"] = list(changed.values())
    return {}


@service.operation
def untag_resource(request: Json) -> Json:
    thing = _tagged(request["ResourceArn"])
    thing["Tags"] = [tag for tag in thing["Tags"] if tag["Key"] not in request["TagKeys"]]
    return {}


@service.operation
def list_tags_for_resource(request: Json) -> Json:
    tags = _tagged(request["ResourceArn"])["Tags"]
    return {"ResourceArn": request["ResourceArn"], "Tags": tags}
