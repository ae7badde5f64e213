"""Amazon Connect (scope ``connect``): an instance with flows, queues, hours and numbers, and calls.

StartOutboundVoiceContact checks what it names and puts the call into the outbox ``connect``. No
flow is run: the call is not answered.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any
from urllib.parse import unquote

import phonenumbers
from botocore.loaders import Loader
from botocore.model import ServiceModel

from local_aws.engagement import outbox
from local_aws.engagement.modelled import Answer, ModelledError, Service
from local_aws.engagement.registration import Scoped, arn, here, serve

SCOPE = "connect"
Json = dict[str, Any]

# Admin guide, "Connect Customer service quotas": the default of most API operations.
DEFAULT_PER_SECOND = 2.0
DEFAULT_BURST = 5
MOST_PER_SECOND = 1_000_000
# API reference, StartOutboundVoiceContact: ClientToken and Attributes.
TOKEN_SECONDS = 7 * 24 * 3600
ATTRIBUTE_BYTES = 32_768
_ATTRIBUTE_NAME = re.compile(r"[A-Za-z0-9_-]+")
_ATTRIBUTES = {
    "AUTO_RESOLVE_BEST_VOICES": "true",
    "CONTACTFLOW_LOGS": "false",
    "CONTACT_LENS": "true",
    "EARLY_MEDIA": "true",
    "MULTI_PARTY_CONFERENCE": "false",
    "USE_CUSTOM_TTS_VOICES": "false",
}


def _absent(operation: str) -> ModelledError:
    return ModelledError(
        "InvalidRequestException",
        f"{operation} is not available in the local AWS: run it against AWS, or leave it out.",
    )


class _Connect(Service):
    """The API by its model, in which some patterns have each backslash twice."""

    @cached_property
    def model(self) -> ServiceModel:
        description = Loader().load_service_model(self.name, "service-2")
        for shape in description["shapes"].values():
            if "\\\\" in shape.get("pattern", ""):
                shape["pattern"] = shape["pattern"].replace("\\\\", "\\")
        return ServiceModel(description, self.name)

    def _error(self, error: ModelledError) -> Answer:
        status, headers, body = super()._error(error)
        # The throttle in front of the API answers with a class that the model has for chats.
        return (429 if error.code == "TooManyRequestsException" else status), headers, body


service = _Connect("connect", invalid="InvalidParameterException", absent=_absent)


@dataclass
class Instance:
    """An instance and its resources by id; `tokens` are client tokens with contact and time."""

    described: Json
    attributes: dict[str, str]
    flows: dict[str, Json] = field(default_factory=dict)
    hours: dict[str, Json] = field(default_factory=dict)
    queues: dict[str, Json] = field(default_factory=dict)
    tokens: dict[str, tuple[str, float]] = field(default_factory=dict)


@dataclass
class Centres:
    """The instances and claimed numbers of one account and region."""

    instances: dict[str, Instance] = field(default_factory=dict)
    numbers: dict[str, Json] = field(default_factory=dict)


@dataclass
class Quota:
    """The rate of StartOutboundVoiceContact, a token bucket, and what came of it.

    Campaign calls (TrafficType CAMPAIGN) are a quota of their own, which is 0 by default.
    """

    per_second: float = DEFAULT_PER_SECOND
    burst: int = DEFAULT_BURST
    campaign_calls: bool = False
    started: int = 0
    throttled: int = 0
    busiest_second: int = 0
    _left: float | None = None
    _at: float = 0
    _starts: list[float] = field(default_factory=list)

    def take(self, now: float) -> bool:
        """Count a call at ``now`` (seconds); false if it is one too many."""
        left = self.burst if self._left is None else self._left
        self._left = min(self.burst, left + (now - self._at) * self.per_second)
        self._at = now
        if self._left < 1:
            self.throttled += 1
            return False
        self._left -= 1
        self._starts = [start for start in self._starts if now - start < 1] + [now]
        self.busiest_second = max(self.busiest_second, len(self._starts))
        return True

    def describe(self) -> Json:
        names = ("per_second", "burst", "campaign_calls", "started", "throttled", "busiest_second")
        return {name: getattr(self, name) for name in names}


centres: Scoped[Centres] = Scoped(Centres)
quota = Quota()
_lock = threading.Lock()


def change_quota(change: Json) -> Json:
    """Set the quota, and its counters to zero.

    Raises:
        ValueError: a member is unknown or has another type.
    """
    global quota
    fresh = Quota()
    for name, value in change.items():
        allowed: tuple[type, ...] = (
            (bool,) if name == "campaign_calls" else (int,) if name == "burst" else (int, float)
        )
        if name not in ("per_second", "burst", "campaign_calls") or type(value) not in allowed:
            raise ValueError(
                "A quota has per_second (number), burst (whole number) and campaign_calls "
                '(true or false): {"per_second": 2, "burst": 5}.'
            )
        if name != "campaign_calls" and not 0 < value <= MOST_PER_SECOND:
            raise ValueError(f"{name} must be above 0, and {MOST_PER_SECOND:,} at most.")
        setattr(fresh, name, value)
    quota = fresh
    return quota.describe()


def _missing(what: str) -> ModelledError:
    return ModelledError("ResourceNotFoundException", f"{what} was not found.")


def _id(id_or_arn: str) -> str:
    return id_or_arn.rpartition("/")[2]


def _instance(request: Json) -> Instance:
    instance_id = request.get("InstanceId") or _id(request.get("TargetArn", ""))
    found = centres.here().instances.get(instance_id)
    if found is None:
        raise _missing(f"Instance {instance_id!r}")
    return found


def _stamped(document: Json) -> Json:
    return document | {"LastModifiedTime": datetime.now(UTC), "LastModifiedRegion": here()[1]}


# Instances


@service.operation
def create_instance(request: Json) -> Json:
    alias = request.get("InstanceAlias")
    if alias is None and "DirectoryId" not in request:
        raise ModelledError(
            "InvalidRequestException", "InstanceAlias is needed without a DirectoryId."
        )
    instances = centres.here().instances
    if any(other.described.get("InstanceAlias") == alias for other in instances.values()):
        raise ModelledError("InvalidRequestException", f"The alias {alias!r} is taken.")
    instance_id = str(uuid.uuid4())
    calls = {
        "INBOUND_CALLS": str(request["InboundCallsEnabled"]).lower(),
        "OUTBOUND_CALLS": str(request["OutboundCallsEnabled"]).lower(),
    }
    role = f"aws-service-role/connect.amazonaws.com/AWSServiceRoleForAmazonConnect_{instance_id}"
    described = {
        "Id": instance_id,
        "Arn": arn(SCOPE, f"instance/{instance_id}"),
        "IdentityManagementType": request["IdentityManagementType"],
        "InstanceAlias": alias,
        "CreatedTime": datetime.now(UTC),
        "ServiceRole": f"arn:aws:iam::{here()[0]}:role/{role}",
        "InstanceStatus": "ACTIVE",
        "InstanceAccessUrl": f"https://{alias}.my.connect.aws",
        "Tags": dict(request.get("Tags", {})),
    }
    instances[instance_id] = Instance(described, _ATTRIBUTES | calls)
    return {"Id": instance_id, "Arn": described["Arn"]}


@service.operation
def describe_instance(request: Json) -> Json:
    instance = _instance(request)
    return {
        "Instance": instance.described
        | {
            "InboundCallsEnabled": instance.attributes["INBOUND_CALLS"] == "true",
            "OutboundCallsEnabled": instance.attributes["OUTBOUND_CALLS"] == "true",
        }
    }


@service.operation
def list_instances(request: Json) -> Json:
    instances = [{"InstanceId": id_} for id_ in centres.here().instances]
    summaries = [describe_instance(each)["Instance"] for each in instances]
    return {"InstanceSummaryList": summaries}


@service.operation
def delete_instance(request: Json) -> Json:
    gone = _instance(request)
    there = centres.here()
    there.instances.pop(gone.described["Id"])
    there.numbers = {
        id_: number
        for id_, number in there.numbers.items()
        if number["TargetArn"] != gone.described["Arn"]
    }
    return {}


@service.operation
def update_instance_attribute(request: Json) -> Json:
    _instance(request).attributes[request["AttributeType"]] = request["Value"]
    return {}


@service.operation
def describe_instance_attribute(request: Json) -> Json:
    kind = request["AttributeType"]
    value = _instance(request).attributes.get(kind, "false")
    return {"Attribute": {"AttributeType": kind, "Value": value}}


# Flows


def _checked_flow(content: str) -> str:
    """Return a flow's content if its language is kept: each transition leads to an action.

    Source: Connect's flow language, "Flow language actions".
    """
    problems = []
    try:
        flow = json.loads(content)
        actions = {action["Identifier"]: action for action in flow["Actions"]}
        if flow.get("Version") != "2019-10-30":
            problems.append("Version must be 2019-10-30.")
        if flow.get("StartAction") not in actions:
            problems.append("StartAction must be the Identifier of an action.")
        for action in actions.values():
            moves = action.get("Transitions", {})
            nexts = [moves.get("NextAction")]
            for kind in ("Errors", "Conditions"):
                nexts += [each.get("NextAction") for each in moves.get(kind, [])]
            problems += [
                f"{action['Identifier']} leads to {after!r}, which is no action."
                for after in nexts
                if after is not None and after not in actions
            ]
            if not isinstance(action.get("Type"), str):
                problems.append(f"{action['Identifier']} has no Type.")
    except (ValueError, KeyError, TypeError, AttributeError):
        problems.append("The content must be an object of the flow language with Actions.")
    if problems:
        raise ModelledError(
            "InvalidContactFlowException",
            "The flow is not valid.",
            problems=[{"message": problem} for problem in problems],
        )
    return content


def _flow(request: Json) -> Json:
    found = _instance(request).flows.get(_id(request["ContactFlowId"]))
    if found is None:
        raise _missing(f"Contact flow {request['ContactFlowId']!r}")
    return found


@service.operation
def create_contact_flow(request: Json) -> Json:
    instance = _instance(request)
    if any(flow["Name"] == request["Name"] for flow in instance.flows.values()):
        raise ModelledError(
            "DuplicateResourceException", f"A flow is named {request['Name']!r} already."
        )
    flow_id = str(uuid.uuid4())
    content = _checked_flow(request["Content"])
    flow = {
        "Arn": f"{instance.described['Arn']}/contact-flow/{flow_id}",
        "Id": flow_id,
        "Name": request["Name"],
        "Type": request["Type"],
        "State": "ACTIVE",
        "Status": request.get("Status", "PUBLISHED"),
        "Description": request.get("Description", ""),
        "Content": content,
        "Tags": dict(request.get("Tags", {})),
        "FlowContentSha256": hashlib.sha256(content.encode()).hexdigest(),
    }
    instance.flows[flow_id] = _stamped(flow)
    return {
        "ContactFlowId": flow_id,
        "ContactFlowArn": flow["Arn"],
        "FlowContentSha256": flow["FlowContentSha256"],
    }


@service.operation
def describe_contact_flow(request: Json) -> Json:
    return {"ContactFlow": _flow(request)}


@service.operation
def update_contact_flow_content(request: Json) -> Json:
    content = _checked_flow(request["Content"])
    _flow(request).update(
        Content=content, FlowContentSha256=hashlib.sha256(content.encode()).hexdigest()
    )
    return {}


@service.operation
def update_contact_flow_metadata(request: Json) -> Json:
    names = {"Name": "Name", "Description": "Description", "ContactFlowState": "State"}
    _flow(request).update({names[name]: request[name] for name in names if name in request})
    return {}


@service.operation
def update_contact_flow_name(request: Json) -> Json:
    _flow(request).update({n: request[n] for n in ("Name", "Description") if n in request})
    return {}


@service.operation
def delete_contact_flow(request: Json) -> Json:
    _instance(request).flows.pop(_flow(request)["Id"])
    return {}


# Hours of operation


def _hours(request: Json) -> Json:
    found = _instance(request).hours.get(request["HoursOfOperationId"])
    if found is None:
        raise _missing(f"Hours of operation {request['HoursOfOperationId']!r}")
    return found


@service.operation
def create_hours_of_operation(request: Json) -> Json:
    instance = _instance(request)
    hours_id = str(uuid.uuid4())
    hours = {
        "HoursOfOperationId": hours_id,
        "HoursOfOperationArn": f"{instance.described['Arn']}/operating-hours/{hours_id}",
        "Tags": dict(request.get("Tags", {})),
        **{n: request.get(n) for n in ("Name", "Description", "TimeZone", "Config")},
    }
    instance.hours[hours_id] = _stamped(hours)
    return {name: hours[name] for name in ("HoursOfOperationId", "HoursOfOperationArn")}


@service.operation
def describe_hours_of_operation(request: Json) -> Json:
    return {"HoursOfOperation": _hours(request)}


@service.operation
def update_hours_of_operation(request: Json) -> Json:
    names = ("Name", "Description", "TimeZone", "Config")
    _hours(request).update({name: request[name] for name in names if name in request})
    return {}


@service.operation
def delete_hours_of_operation(request: Json) -> Json:
    hours_id = _hours(request)["HoursOfOperationId"]
    instance = _instance(request)
    if any(queue["HoursOfOperationId"] == hours_id for queue in instance.queues.values()):
        raise ModelledError("ResourceInUseException", "A queue has these hours of operation.")
    instance.hours.pop(hours_id)
    return {}


# Queues


def _queue(request: Json) -> Json:
    found = _instance(request).queues.get(_id(request["QueueId"]))
    if found is None:
        raise _missing(f"Queue {request['QueueId']!r}")
    return found


def _caller(config: Json) -> Json:
    number_id = config.get("OutboundCallerIdNumberId")
    if number_id is not None and _id(number_id) not in centres.here().numbers:
        raise _missing(f"Phone number {number_id!r}")
    return config


@service.operation
def create_queue(request: Json) -> Json:
    instance = _instance(request)
    _hours(request)
    queue_id = str(uuid.uuid4())
    optional = ("Description", "MaxContacts")
    queue = {
        "QueueId": queue_id,
        "QueueArn": f"{instance.described['Arn']}/queue/{queue_id}",
        "Name": request["Name"],
        "HoursOfOperationId": request["HoursOfOperationId"],
        "OutboundCallerConfig": _caller(request.get("OutboundCallerConfig", {})),
        "Status": "ENABLED",
        "Tags": dict(request.get("Tags", {})),
        **{name: request[name] for name in optional if name in request},
    }
    instance.queues[queue_id] = _stamped(queue)
    return {"QueueArn": queue["QueueArn"], "QueueId": queue_id}


@service.operation
def describe_queue(request: Json) -> Json:
    return {"Queue": _queue(request)}


@service.operation
def list_queue_quick_connects(request: Json) -> Json:
    _queue(request)
    return {"QuickConnectSummaryList": []}


@service.operation
def delete_queue(request: Json) -> Json:
    _instance(request).queues.pop(_queue(request)["QueueId"])
    return {}


def _update_queue(*names: str) -> Any:
    def update(request: Json) -> Json:
        if "HoursOfOperationId" in names:
            _hours(request)
        if "OutboundCallerConfig" in names:
            _caller(request["OutboundCallerConfig"])
        _queue(request).update({name: request[name] for name in names if name in request})
        return {}

    return update


service.operations |= {
    "UpdateQueueHoursOfOperation": _update_queue("HoursOfOperationId"),
    "UpdateQueueMaxContacts": _update_queue("MaxContacts"),
    "UpdateQueueName": _update_queue("Name", "Description"),
    "UpdateQueueOutboundCallerConfig": _update_queue("OutboundCallerConfig"),
    "UpdateQueueStatus": _update_queue("Status"),
}


# Numbers


@service.operation
def search_available_phone_numbers(request: Json) -> Json:
    """The first numbers of the country's plan that are not claimed."""
    if request.get("TargetArn") or request.get("InstanceId"):
        _instance(request)
    country, kind = request["PhoneNumberCountryCode"], request["PhoneNumberType"]
    kinds = {
        "TOLL_FREE": phonenumbers.PhoneNumberType.TOLL_FREE,
        "DID": phonenumbers.PhoneNumberType.FIXED_LINE,
    }
    if kind not in kinds:
        raise _absent(f"SearchAvailablePhoneNumbers by PhoneNumberType {kind}")
    example = phonenumbers.example_number_for_type(country, kinds[kind])
    if example is None:
        raise _missing(f"A {kind} number of {country}")
    first = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
    claimed = {number["PhoneNumber"] for number in centres.here().numbers.values()}
    candidates = (f"{first[:-2]}{number:02}" for number in range(100))
    free = [number for number in candidates if number not in claimed]
    prefix = request.get("PhoneNumberPrefix", "")
    return {
        "AvailableNumbersList": [
            {
                "PhoneNumber": number,
                "PhoneNumberCountryCode": country,
                "PhoneNumberType": kind,
            }
            for number in free
            if number.startswith(prefix)
        ][: request.get("MaxResults", 10)]
    }


@service.operation
def claim_phone_number(request: Json) -> Json:
    instance, text = _instance(request), request["PhoneNumber"]
    there = centres.here()
    parsed = _parsed(text)
    taken = any(number["PhoneNumber"] == text for number in there.numbers.values())
    if parsed is None or taken:
        raise _missing(f"A free number {text!r}")
    number_id = str(uuid.uuid4())
    toll_free = phonenumbers.number_type(parsed) == phonenumbers.PhoneNumberType.TOLL_FREE
    there.numbers[number_id] = {
        "PhoneNumberId": number_id,
        "PhoneNumberArn": arn(SCOPE, f"phone-number/{number_id}"),
        "PhoneNumber": text,
        "PhoneNumberCountryCode": phonenumbers.region_code_for_number(parsed),
        "PhoneNumberType": "TOLL_FREE" if toll_free else "DID",
        "PhoneNumberDescription": request.get("PhoneNumberDescription", ""),
        "TargetArn": instance.described["Arn"],
        "InstanceId": instance.described["Id"],
        "Tags": dict(request.get("Tags", {})),
        "PhoneNumberStatus": {"Status": "CLAIMED"},
    }
    return {
        "PhoneNumberId": number_id,
        "PhoneNumberArn": there.numbers[number_id]["PhoneNumberArn"],
    }


def _number(request: Json) -> Json:
    found = centres.here().numbers.get(_id(request["PhoneNumberId"]))
    if found is None:
        raise _missing(f"Phone number {request['PhoneNumberId']!r}")
    return found


@service.operation
def describe_phone_number(request: Json) -> Json:
    return {"ClaimedPhoneNumberSummary": _number(request)}


@service.operation
def update_phone_number_metadata(request: Json) -> Json:
    _number(request)["PhoneNumberDescription"] = request.get("PhoneNumberDescription", "")
    return {}


@service.operation
def release_phone_number(request: Json) -> Json:
    centres.here().numbers.pop(_number(request)["PhoneNumberId"])
    return {}


# Tags


def _tagged(resource_arn: str) -> Json:
    there = centres.here()
    resources: list[Json] = list(there.numbers.values())
    for instance in there.instances.values():
        resources += [instance.described, *instance.flows.values()]
        resources += [*instance.hours.values(), *instance.queues.values()]
    for resource in resources:
        names = ("Arn", "HoursOfOperationArn", "QueueArn", "PhoneNumberArn")
        if resource_arn in [resource.get(name) for name in names]:
            tags: Json = resource["Tags"]
            return tags
    raise _missing(f"Resource {resource_arn!r}")


@service.operation
def list_tags_for_resource(request: Json) -> Json:
    return {"tags": _tagged(request["resourceArn"])}


@service.operation
def tag_resource(request: Json) -> Json:
    _tagged(request["resourceArn"]).update(request["tags"])
    return {}


@service.operation
def untag_resource(request: Json) -> Json:
    for key in request["tagKeys"]:
        _tagged(request["resourceArn"]).pop(key, None)
    return {}


# Calls


@service.operation
def start_outbound_voice_contact(request: Json) -> Json:
    with _lock:
        if not quota.take(time.monotonic()):
            raise ModelledError("TooManyRequestsException", "Too Many Requests")
        instance = _instance(request)
        token = request.get("ClientToken")
        contact_id, at = instance.tokens.get(token or "", ("", 0.0))
        if contact_id and time.time() - at < TOKEN_SECONDS:
            return {"ContactId": contact_id}
        call = _call(instance, request)
        contact_id = str(uuid.uuid4())
        if token:
            instance.tokens[token] = (contact_id, time.time())
        quota.started += 1
        outbox.deliver("connect", {**call, "client_token": token, "contact_id": contact_id})
    return {"ContactId": contact_id}


def _call(instance: Instance, request: Json) -> Json:
    """Return the call as the outbox shows it.

    Raises:
        ModelledError: it names what is not there or not allowed.
    """
    if instance.attributes["OUTBOUND_CALLS"] != "true":
        raise ModelledError(
            "OutboundContactNotPermittedException", "The instance makes no outbound calls."
        )
    flow = _flow(request)
    if flow["Type"] != "CONTACT_FLOW" or flow["State"] != "ACTIVE":
        raise ModelledError(
            "InvalidParameterException", "ContactFlowId must be an active flow of an inbound type."
        )
    queue = _queue(request) if request.get("QueueId") else None
    return {
        "from": _caller_id(instance, request, queue),
        "to": _destination(request["DestinationPhoneNumber"]),
        "instance_id": instance.described["Id"],
        "contact_flow_id": flow["Id"],
        "queue_id": queue and queue["QueueId"],
        "attributes": _attributes(request.get("Attributes", {})),
        "ring_timeout_seconds": request.get("RingTimeoutInSeconds", 60),
        **_traffic(request),
    }


def _caller_id(instance: Instance, request: Json, queue: Json | None) -> str | None:
    """The number that the customer sees: the one given, or that of the queue."""
    own = {
        number["PhoneNumberId"]: number["PhoneNumber"]
        for number in centres.here().numbers.values()
        if number["TargetArn"] == instance.described["Arn"]
    }
    source = request.get("SourcePhoneNumber")
    if source is not None:
        if source not in own.values():
            raise ModelledError(
                "InvalidParameterException", "SourcePhoneNumber is no number of the instance."
            )
        return str(source)
    if queue is None:
        raise ModelledError(
            "InvalidParameterException", "Without a QueueId, SourcePhoneNumber is needed."
        )
    number_id = _id(queue["OutboundCallerConfig"].get("OutboundCallerIdNumberId", ""))
    return own.get(number_id)


def _destination(text: str) -> str:
    number = _parsed(text)
    if number is None or not phonenumbers.is_possible_number(number):
        raise ModelledError(
            "InvalidParameterException",
            "DestinationPhoneNumber has no country code or no numbering plan's length.",
        )
    if text.startswith("+447"):
        raise ModelledError(
            "DestinationNotAllowedException", "UK mobile numbers need a quota increase."
        )
    return text


def _parsed(text: str) -> phonenumbers.PhoneNumber | None:
    try:
        return phonenumbers.parse(text)
    except phonenumbers.NumberParseException:
        return None


def _attributes(given: Json) -> Json:
    if not all(_ATTRIBUTE_NAME.fullmatch(name) for name in given):
        raise ModelledError(
            "InvalidParameterException",
            "Attribute keys can include only alphanumeric, dash, and underscore characters.",
        )
    if sum(len(f"{name}{value}".encode()) for name, value in given.items()) > ATTRIBUTE_BYTES:
        raise ModelledError(
            "InvalidParameterException", f"Attributes are larger than {ATTRIBUTE_BYTES} bytes."
        )
    return given


def _traffic(request: Json) -> Json:
    detection = request.get("AnswerMachineDetectionConfig", {})
    detects = detection.get("EnableAnswerMachineDetection", False)
    traffic = request.get("TrafficType", "GENERAL")
    if detects and traffic != "CAMPAIGN":
        raise ModelledError(
            "InvalidParameterException",
            "TrafficType must be CAMPAIGN if EnableAnswerMachineDetection is true.",
        )
    if traffic == "CAMPAIGN" and not quota.campaign_calls:
        raise ModelledError(
            "OutboundContactNotPermittedException", "Campaign calls need a quota increase."
        )
    return {
        "traffic_type": traffic,
        "answer_machine_detection": detects,
        "await_answer_machine_prompt": detection.get("AwaitAnswerMachinePrompt", False),
    }


_BY_FOLDER = {
    "contact-flows": "contact-flow",
    "hours-of-operations": "operating-hours",
    "queues": "queue",
}


def _resource_of(method: str, path: str, headers: Mapping[str, str], body: bytes) -> str:
    """Service Authorization Reference, "Amazon Connect": a call's resource is its contact."""
    parts = unquote(path).strip("/").split("/")
    match parts:
        case ["contact", "outbound-voice"]:
            return f"instance/{_member(body, 'InstanceId')}/contact/*"
        case ["instance"]:
            return "*"  # CreateInstance and ListInstances have no resource
        case ["instance", instance_id, *_]:
            return f"instance/{instance_id}"
        case ["tags", *rest]:
            return "/".join(rest)
        case ["phone-number", "search-available"]:
            return "wildcard-phone-number/*"
        case ["phone-number", *rest]:
            return f"phone-number/{rest[0] if rest and rest[0] != 'claim' else '*'}"
        case [folder, instance_id, *rest] if folder in _BY_FOLDER:
            return f"instance/{instance_id}/{_BY_FOLDER[folder]}/{rest[0] if rest else '*'}"
    return "*"


def _member(body: bytes, name: str) -> str:
    try:
        value = json.loads(body).get(name)
    except (ValueError, AttributeError):
        return "*"
    return value if isinstance(value, str) else "*"


def reset() -> None:
    global quota
    centres.reset()
    quota = Quota()


def register() -> None:
    serve(SCOPE, service, _resource_of)
