"""Make synthetic events of a shop that writes to its customers: documented samples with other ids.

Events belong to stories (an email is sent, delivered, opened twice). The stories of a day are the
same in every run, so days can be made in any order and by several processes. An event may arrive a
day after its story began.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

SAMPLES = Path(__file__).parents[1] / "tests" / "data" / "events"
PEOPLE = 50_000
DAY = 86_400
# Of a day's stories, how many begin in each hour; the total is 100.
BY_HOUR = (1, 1, 1, 1, 1, 2, 3, 5, 7, 8, 9, 8, 7, 6, 5, 5, 5, 5, 5, 5, 4, 3, 2, 1)
AGENTS = tuple(
    f"Mozilla/5.0 ({system}) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/{version}.1 Mail"
    for system in ("iPhone; CPU iPhone OS 17_2 like Mac OS X", "Macintosh", "Windows NT 10.0")
    for version in range(12, 19)
)

# Values of the members that differ from event to event, by name without underscores.
_TEXTS = {
    "messageid": "message",
    "clientid": "endpoint",
    "destination": "address",
    "to": "address",
    "recipients": "address",
    "emailaddress": "address",
    "address": "address",
    "subject": "subject",
    "ipaddress": "ip",
    "useragent": "agent",
    "link": "link",
    "feedbackid": "random",
    "requestid": "random",
    "senderrequestid": "random",
    "sessionid": "session",
    "smtpresponse": "answer",
    "campaignid": "campaign",
    "campaignactivityid": "activity",
    "treatmentid": "treatment",
    "journeyrunid": "activity",
    "endpointid": "endpoint",
    "userid": "user",
    "destinationphonenumber": "phone",
    "category": "category",
    "arrivaldate": "at_text",
    "cognitoid": "endpoint",
}
_NUMBERS = {
    "eventtimestamp": "at",
    "arrivaltimestamp": "at",
    "messagesendtimestamp": "sent",
    "starttimestamp": "sent",
    "messagerequesttimestamp": "sent",
    "priceinmillicentsusd": "millicents",
    "totalmessageprice": "dollars",
    "processingtimemillis": "millis",
    "items": "items",
}
_HEADERS = {"To": "address", "Subject": "subject", "Message-ID": "message"}

Values = dict[str, Any]
Story = Callable[[Random, Values], Iterator[tuple[str, float]]]


class Event(NamedTuple):
    """A line of JSON and its arrival time (epoch milliseconds)."""

    came: int
    line: str


def _templated(value: Any, name: str = "", parent: str = "") -> Any:
    """Put names in braces into a sample where its events differ."""
    key = name.replace("_", "").lower()
    match value:
        case dict() if set(value) == {"name", "value"} and value["name"] in _HEADERS:
            return {"name": value["name"], "value": f"@{_HEADERS[value['name']]}@"}
        case dict():
            return {inner: _templated(item, inner, key) for inner, item in value.items()}
        case list():
            return [_templated(item, name, parent) for item in value]
        case str() if key == "endpoint":  # JSON within a text
            return json.dumps(_templated(json.loads(value)), separators=(",", ":"))
        case str() if key == "timestamp":
            return "@sent_text@" if parent == "mail" else "@at_text@"
        case str() if key in _TEXTS:
            return f"@{_TEXTS[key]}@"
        case str():
            return re.sub(r"(?<==_Part_)[\w.]+", "@random@", value)
        case int() | float() if key in _NUMBERS:
            return f"#{_NUMBERS[key]}#"
    return value


def _template(sample: str, **attributes: str) -> str:
    """Turn a sample into a line that ``%`` fills in."""
    event = json.loads((SAMPLES / f"{sample}.json").read_text())
    if attributes:
        event["attributes"] = event["attributes"] | attributes
    text = json.dumps(_templated(event), separators=(",", ":")).replace("%", "%%")
    return re.sub(r"@(\w+?)@|\"#(\w+?)#\"", lambda found: f"%({found[1] or found[2]})s", text)


_CAMPAIGN = {"campaign_id": "", "campaign_activity_id": "", "treatment_id": ""}
_OF_EMAIL = ("send", "delivered", "hardbounce", "softbounce", "open", "click", "complaint")
_TEMPLATES = (
    {
        f"campaign.{kind}": _template(f"pinpoint/email_{kind}", **_CAMPAIGN)
        for kind in (*_OF_EMAIL, "unsubscribe")
    }
    | {f"direct.{kind}": _template(f"pinpoint/email_{kind}") for kind in _OF_EMAIL}
    | {
        f"campaign_send.{channel}": _template("pinpoint/campaign_send", delivery_type=channel)
        for channel in ("EMAIL", "SMS")
    }
    | {
        name: _template(f"pinpoint/{name}", **_CAMPAIGN)
        for name in ("sms_buffered", "sms_success", "sms_failure", "sms_optout")
    }
    | {
        name: _template(f"pinpoint/{name}")
        for name in ("journey_send", "session_start", "session_stop", "custom_cartabandoned")
    }
    | {
        f"ses.{kind}": _template(f"ses/{sample}")
        for kind, sample in {
            "send": "send",
            "delivered": "delivery",
            "hardbounce": "bounce_permanent_general",
            "softbounce": "bounce_transient_general",
            "open": "open",
            "click": "click",
            "complaint": "complaint",
        }.items()
    }
    | {
        f"text.{kind}": _template(f"sms/text_{kind}")
        for kind in ("queued", "successful", "delivered", "blocked")
    }
)


# -- stories: events, and how many seconds after the beginning each came ------------------


def _email(kind: str, chance: Random) -> Iterator[tuple[str, float]]:
    yield f"{kind}.send", 0.2
    fate = chance.random()
    if fate < 0.03:
        yield f"{kind}.{'hardbounce' if fate < 0.02 else 'softbounce'}", 1 + chance.random() * 60
        return
    yield f"{kind}.delivered", 1 + chance.random() * 10
    if chance.random() < 0.3:
        for _ in range(chance.choice((1, 1, 1, 2, 3))):
            yield f"{kind}.open", min(DAY, 30 + chance.expovariate(1 / 14_400))
    if chance.random() < 0.05:
        yield f"{kind}.click", min(DAY, 60 + chance.expovariate(1 / 14_400))
    if chance.random() < 0.001:
        yield f"{kind}.complaint", 3_600 + chance.random() * 36_000


def _campaign_email(chance: Random, values: Values) -> Iterator[tuple[str, float]]:
    yield "campaign_send.EMAIL", 0
    yield from _email("campaign", chance)
    if chance.random() < 0.003:
        yield "campaign.unsubscribe", 300 + chance.random() * 7_200


def _campaign_text(chance: Random, values: Values) -> Iterator[tuple[str, float]]:
    values["address"] = values["phone"]
    yield "campaign_send.SMS", 0
    yield "sms_buffered", 0.3
    yield ("sms_success" if chance.random() < 0.96 else "sms_failure"), 2 + chance.random() * 20
    if chance.random() < 0.01:
        yield "sms_optout", 60 + chance.random() * 3_600


def _journey_email(chance: Random, values: Values) -> Iterator[tuple[str, float]]:
    yield "journey_send", 0
    yield from _email("direct", chance)


def _visit(chance: Random, values: Values) -> Iterator[tuple[str, float]]:
    yield "session_start", 0
    for place in range(chance.choice((0, 1, 2, 3))):
        yield "custom_cartabandoned", 20 * place + chance.random() * 20
    yield "session_stop", 90


def _ses_email(chance: Random, values: Values) -> Iterator[tuple[str, float]]:
    yield from _email("ses", chance)


def _text(chance: Random, values: Values) -> Iterator[tuple[str, float]]:
    yield "text.queued", 0.3
    if chance.random() < 0.03:
        yield "text.blocked", 1
        return
    yield "text.successful", 1.5
    yield "text.delivered", 2 + chance.random() * 20


# The stories of each table; a story that is listed twice happens twice as often.
STORIES: dict[str, tuple[Story, ...]] = {
    "all_events": (
        *[_campaign_email] * 5,
        *[_campaign_text] * 2,
        _journey_email,
        *[_visit] * 2,
    ),
    "ses_events": (_ses_email,),
    "sms_events": (_text,),
}


def address(person: int) -> str:
    return f"person{person}@mail{person % 40}.example"


def _values(chance: Random, day: int, began: float) -> Values:
    """Return the values that the events of one story share."""
    person = int(PEOPLE * chance.random() ** 3)  # the first ones hear from it more than others
    campaign = day // 3 + chance.randrange(3)  # three at a time, each for nine days
    message = f"{chance.getrandbits(128):032x}"
    return {
        "message": f"{message[:16]}-{message[16:]}-000000",
        "session": message,
        "address": address(person),
        "phone": f"+1425{5_550_000 + person}",
        "endpoint": f"{person * 0x9E3779B97F4A7C15 % 2**128:032x}",
        "user": f"user-{person}",
        "subject": f"Offers of the week {campaign}",
        "ip": f"192.0.{person % 250}.{person // 250}",
        "agent": AGENTS[person % len(AGENTS)],
        "link": f"https://www.example.com/offers/{campaign}/{chance.randrange(20)}",
        "campaign": f"{campaign * 0x2545F4914F6CDD1D % 2**128:032x}",
        "activity": f"{day * 0x5851F42D4C957F2D % 2**128:032x}",
        "treatment": str(person % 2),
        "category": chance.choice(("shoes", "hats", "coats", "bags")),
        "items": chance.randrange(1, 9),
        "millicents": chance.choice((645.0, 680.0, 1_290.0, 7_400.0)),
        "dollars": chance.choice((0.00645, 0.0068, 0.0129, 0.074)),
        "sent": round(began * 1000),
        "sent_text": _text_of(began),
    }


def _text_of(seconds: float) -> str:
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _stories(table: str, per_day: int, day: int, begin: datetime) -> Iterator[Event]:
    """Return the events of the stories that begin on a day, in no order."""
    chance = Random(f"{table} {day}")
    for hour in range(24):
        share = BY_HOUR[(begin.hour + hour) % 24]
        for _ in range(per_day * share // 100):
            began = begin.timestamp() + (hour + chance.random()) * 3_600
            values = _values(chance, day, began)
            for name, after in chance.choice(STORIES[table])(chance, values):
                at = began + after
                random = f"{chance.getrandbits(128):032x}"
                own = values | {
                    "at": round(at * 1000),
                    "at_text": _text_of(at),
                    "random": random,
                    "answer": f"250 2.0.0 OK {random[:20]} - gsmtp",
                    "millis": round(after * 1000),
                }
                yield Event(own["at"], _TEMPLATES[name] % own)


def events_of(table: str, per_day: int, day: int, first: datetime) -> list[Event]:
    """Return the events that arrived within the 24 hours of a day, in the order of arrival.

    `first` is the hour with which day 0 begins, `per_day` the stories that begin on each day.
    """
    begin, end = (round((first + timedelta(days=day + n)).timestamp() * 1000) for n in (0, 1))
    found = [
        event
        for which in (day - 1, day)
        for event in _stories(table, per_day, which, first + timedelta(days=which))
        if begin <= event.came < end
    ]
    return sorted(found)
