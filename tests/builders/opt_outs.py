"""Inbound messages, and services in memory, for the tests of sms_self_managed_opt_outs."""

from __future__ import annotations

import copy
import json
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from sms_self_managed_opt_outs.announcements import Announcements
from sms_self_managed_opt_outs.endpoints import Endpoints
from sms_self_managed_opt_outs.handling import Handling
from sms_self_managed_opt_outs.inbound import InboundMessage
from sms_self_managed_opt_outs.index import Index
from sms_self_managed_opt_outs.keywords import Keywords, keywords_from
from sms_self_managed_opt_outs.opt_out_lists import OptOutLists
from sms_self_managed_opt_outs.replies import Replies
from sms_self_managed_opt_outs.store import Store

ANN, OURS = "+12065550142", "+12015550001"
PROJECT = "0123456789abcdef0123456789abcdef"
NOON = 1_796_040_000_000
LISTS = {"promotional": "shop-promotional", "transactional": "shop-transactional"}

KEYWORDS: dict[str, Any] = {
    "stop": {
        "action": "opt_out",
        "category": "promotional",
        "words": {
            "en": ["STOP", "CANCEL", "END", "OPT OUT", "OPT-OUT", "OPTOUT", "QUIT", "REMOVE", "TD"],
            "fr": ["ARRET", "ARRÊT"],
        },
        "replies": {"en": "You will get no more offers.", "fr": "Vous ne recevrez plus d'offres."},
    },
    "stop_all": {
        "action": "opt_out",
        "category": "all",
        "words": {"en": ["STOPALL", "STOP ALL"]},
        "replies": {"en": "You will get nothing more."},
    },
    "start": {
        "action": "opt_in",
        "category": "all",
        "words": {"en": ["START", "UNSTOP"], "fr": ["DEBUT"]},
        "replies": {"en": "You will get our messages again."},
    },
    "help": {
        "action": "help",
        "words": {"en": ["HELP"], "fr": ["AIDE"]},
        "replies": {"en": "Reply STOP to end offers.", "fr": "Répondez ARRET."},
    },
    "hours": {
        "action": "reply",
        "match": "first_word",
        "words": {"en": ["HOURS"]},
        "replies": {"en": "We are open from 9 to 5."},
    },
}


def keywords(**changes: Any) -> Keywords:
    return keywords_from({**KEYWORDS, **changes})


def said(text: str, at: int = 0, message_id: str | None = None, **members: Any) -> InboundMessage:
    """A message of Ann's, `at` milliseconds after noon."""
    values: dict[str, Any] = {
        "id": message_id or f"inbound-{text}-{at}",
        "number": ANN,
        "written_to": OURS,
        "texts": (text,),
        "said_at": NOON + at,
    }
    return InboundMessage(**{**values, **members})


def payload(text: Any = "STOP", **members: Any) -> dict[str, Any]:
    """The message that End User Messaging publishes."""
    return {
        "originationNumber": ANN,
        "destinationNumber": OURS,
        "messageKeyword": "KEYWORD_111122223333",
        "messageBody": text,
        "inboundMessageId": "inbound-1",
        **members,
    }


def notification(message: Any, timestamp: Any = "2026-11-30T12:00:00.000Z") -> str:
    """The body of the queue's message."""
    text = message if isinstance(message, str) else json.dumps(message)
    return json.dumps(
        {"Type": "Notification", "MessageId": "m", "Message": text, "Timestamp": timestamp}
    )


def refusal(operation: str, code: str, status: int = 400, **members: Any) -> ClientError:
    """An error answer; its text quotes a number, which must not be passed on."""
    response: Any = {
        "Error": {"Code": code, "Message": f"about {ANN}"},
        "ResponseMetadata": {"HTTPStatusCode": status},
        **members,
    }
    return ClientError(response, operation)


class Faulty:
    """Calls by name in their order; a test can let the next calls of an operation fail."""

    def __init__(self, log: list[str]) -> None:
        self.log = log
        self.failing: dict[str, list[Any]] = {}

    def fail(self, operation: str, *errors: Any) -> None:
        """Raise these errors one after the other; None lets a call through, and a pair of
        ("after", error) does the work before it fails."""
        self.failing[operation] = list(errors)

    def called(self, operation: str) -> Exception | None:
        self.log.append(operation)
        waiting = self.failing.get(operation)
        error = waiting.pop(0) if waiting else None
        if isinstance(error, tuple):
            return error[1]  # type: ignore[no-any-return]
        if error is not None:
            raise error
        return None


class Phones(Faulty):
    """End User Messaging: text messages and opt-out lists, as AWS documents them."""

    def __init__(self, log: list[str], numbers: Mapping[str, str] | None = None) -> None:
        super().__init__(log)
        self.sent: list[dict[str, Any]] = []
        self.lists: dict[str, set[str]] = {name: set() for name in LISTS.values()}
        self.deleted: set[tuple[str, str]] = set()
        # Origination number => its list.
        self.list_of = dict(numbers or {OURS: LISTS["promotional"]})

    def send_text_message(self, **request: Any) -> dict[str, Any]:
        later = self.called("SendTextMessage")
        attached = self.list_of.get(request["OriginationIdentity"])
        if attached and request["DestinationPhoneNumber"] in self.lists[attached]:
            reason = "DESTINATION_PHONE_NUMBER_OPTED_OUT"
            raise refusal("SendTextMessage", "ConflictException", Reason=reason)
        self.sent.append(request)
        if later is not None:
            raise later
        return {"MessageId": f"text-{len(self.sent)}"}

    def put_opted_out_number(self, *, OptOutListName: str, OptedOutNumber: str) -> dict[str, Any]:
        self.called("PutOptedOutNumber")
        self.lists[OptOutListName].add(OptedOutNumber)
        return {}

    def delete_opted_out_number(
        self, *, OptOutListName: str, OptedOutNumber: str
    ) -> dict[str, Any]:
        self.called("DeleteOptedOutNumber")
        entry = (OptOutListName, OptedOutNumber)
        if OptedOutNumber not in self.lists[OptOutListName]:
            raise refusal(
                "DeleteOptedOutNumber",
                "ResourceNotFoundException",
                ResourceType="opted-out-number",
            )
        if entry in self.deleted:
            reason = "PHONE_NUMBER_CANNOT_BE_OPTED_IN"
            raise refusal("DeleteOptedOutNumber", "ValidationException", Reason=reason)
        self.deleted.add(entry)
        self.lists[OptOutListName].remove(OptedOutNumber)
        return {}


class Project(Faulty):
    """Endpoints of a project; an update of an unknown id creates an endpoint, as the API does."""

    def __init__(self, log: list[str]) -> None:
        super().__init__(log)
        self.endpoints: dict[str, dict[str, Any]] = {}

    def add(self, endpoint_id: str, number: str = ANN, **members: Any) -> None:
        self.endpoints[endpoint_id] = {
            "Id": endpoint_id,
            "ChannelType": "SMS",
            "Address": number,
            "OptOut": "NONE",
            "EndpointStatus": "ACTIVE",
            "Attributes": {},
            **members,
        }

    def get_endpoint(self, *, ApplicationId: str, EndpointId: str) -> dict[str, Any]:
        self.called("GetEndpoint")
        if EndpointId not in self.endpoints:
            raise refusal("GetEndpoint", "NotFoundException", 404)
        return {"EndpointResponse": copy.deepcopy(self.endpoints[EndpointId])}

    def get_user_endpoints(self, *, ApplicationId: str, UserId: str) -> dict[str, Any]:
        self.called("GetUserEndpoints")
        theirs = [
            copy.deepcopy(one)
            for one in self.endpoints.values()
            if one.get("User", {}).get("UserId") == UserId
        ]
        if not theirs:
            raise refusal("GetUserEndpoints", "NotFoundException", 404)
        return {"EndpointsResponse": {"Item": theirs}}

    def update_endpoint(
        self, *, ApplicationId: str, EndpointId: str, EndpointRequest: dict[str, Any]
    ) -> dict[str, Any]:
        self.called("UpdateEndpoint")
        there = self.endpoints.setdefault(EndpointId, {"Id": EndpointId, "Attributes": {}})
        given = copy.deepcopy(EndpointRequest)
        there["Attributes"] |= given.pop("Attributes", {})
        there |= {"EndpointStatus": "ACTIVE", **given}
        return {}

    def mark(self, endpoint_id: str) -> tuple[list[str], str]:
        one = self.endpoints[endpoint_id]
        return one["Attributes"].get("sms_opt_outs", []), one["OptOut"]


class Bus(Faulty):
    """EventBridge."""

    def __init__(self, log: list[str]) -> None:
        super().__init__(log)
        self.details: list[dict[str, Any]] = []
        self.refuses = False

    def put_events(self, *, Entries: list[dict[str, Any]]) -> dict[str, Any]:
        self.called("PutEvents")
        if self.refuses:
            return {"Entries": [{"ErrorCode": "InternalFailure"}]}
        self.details += [json.loads(entry["Detail"]) for entry in Entries]
        return {"Entries": [{"EventId": "1"}]}


class Watched:
    """A DynamoDB client that fails where a test asks for it, and logs its writes."""

    def __init__(self, client: Any, log: list[str]) -> None:
        self._client, self.faults = client, Faulty(log)

    def __getattr__(self, name: str) -> Any:
        if name == "get_paginator":
            return self._client.get_paginator
        call = getattr(self._client, name)

        def watched(**request: Any) -> Any:
            later = self.faults.called(name)
            answer = call(**request)
            if later is not None:
                raise later
            return answer

        return watched


class Account:
    """All services of the module, and the handling of its messages."""

    def __init__(self, dynamodb: Any, **changes: Any) -> None:
        self.log: list[str] = []
        self.dynamodb = Watched(dynamodb, self.log)
        self.phones, self.project = Phones(self.log), Project(self.log)
        self.bus = Bus(self.log)
        self.store = Store(
            self.dynamodb,  # type: ignore[arg-type]
            "preferences",
            now=lambda: datetime.fromtimestamp(NOON / 1000, UTC),
            sleep=lambda _: None,
        )
        self.index = Index(self.dynamodb, "index")  # type: ignore[arg-type]
        phones: Any = self.phones
        project: Any = self.project
        bus: Any = self.bus
        values: dict[str, Any] = {
            "store": self.store,
            "index": self.index,
            "lists": OptOutLists(phones, LISTS),
            "replies": Replies(phones, self.store, sleep=lambda _: None),
            "endpoints": Endpoints(
                project,
                PROJECT,
                self.index.endpoint_ids,
                attribute="sms_opt_outs",
                id_patterns=["{number}", "{digits}"],
            ),
            "announcements": Announcements(bus, "default"),
            "keywords": keywords(),
            "categories": tuple(LISTS),
            "default_language": "en",
            "counts": Counter(),
        }
        self.handling = Handling(**{**values, **changes})

    def texts(self) -> list[str]:
        return [message["MessageBody"] for message in self.phones.sent]

    def rows(self, prefix: str) -> list[dict[str, str]]:
        items = self.dynamodb.scan(TableName="preferences")["Items"]
        return [
            {name: value["S"] for name, value in item.items()}
            for item in items
            if item["sk"]["S"].startswith(prefix)
        ]
