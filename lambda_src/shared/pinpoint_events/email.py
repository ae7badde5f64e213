"""SES's events as Pinpoint's.

Sources: SES developer guide, "Contents of event data" (event publishing) and "Amazon SNS
notification contents" (the older feedback notifications of an identity); Pinpoint developer guide,
"Streaming Amazon Pinpoint event data".
"""

from collections.abc import Mapping
from typing import Any, Final

from shared.pinpoint_events.ids import ids_of_email
from shared.pinpoint_events.types import (
    EVENT_TYPES,
    MalformedEvent,
    Record,
    UnknownEventType,
    anonymous,
    as_text,
    envelope,
    instant,
    milliseconds,
    need,
    snaked,
)

EMAIL_TYPES: Final[dict[str, dict[str, Any]]] = EVENT_TYPES["email"]
"""SES's type to Pinpoint's `event_type` and `feedback`, SES's detail member and the facet's."""

_TYPE_MEMBERS = ("eventType", "notificationType")
# Tags are attributes of the event, the account is in its envelope; the others have other names.
_MAIL_MAPPED = ("tags", "sendingAccountId", "timestamp", "source", "headersTruncated")
# Their own members have names that customers chose or that readers know from SES.
_AS_THEY_ARE = frozenset({"linkTags", "newTopicPreferences", "oldTopicPreferences"})
# Members of a mail and of its headers that Pinpoint's records have.
_MAIL_MEMBERS = ("messageId", "destination", "headers", "commonHeaders")
_COMMON_HEADERS = ("from", "to", "subject", "date")
_NOT_PINPOINTS = ("remoteMtaIp",)
_TIME_KEPT = ("bounce",)  # elsewhere Pinpoint had the time in the envelope alone


def email_event(
    record: Mapping[str, Any], *, account_id: str | None = None, keep_all: bool = False
) -> list[Record]:
    """Return an SES event as Pinpoint's: one record, two for a click that unsubscribes.

    All recipients of the event are in its record. `event_timestamp` is the time the message was
    sent, in all its events; `arrival_timestamp` is the time of the event itself (Pinpoint's was its
    own, moments later).

    Args:
        record: of event publishing (`eventType`) or a feedback notification (`notificationType`).
        account_id: the sending account's when left out.
        keep_all: members that Pinpoint's format lacks follow in the facet under their names in
            snake case, and a broken tag of the hub is an attribute instead of an error.

    Raises:
        MalformedEvent: a documented member is missing, or a tag of the hub is broken.
        UnknownEventType: the mapping table does not name its type.
    """
    used = next((name for name in _TYPE_MEMBERS if name in record), _TYPE_MEMBERS[0])
    kind = need(record, used)
    entry = EMAIL_TYPES.get(kind) if isinstance(kind, str) else None
    if entry is None:
        raise UnknownEventType(kind)
    mail = need(record, "mail")
    if not isinstance(mail, Mapping):
        raise MalformedEvent("The event's mail is no JSON object.")
    found = record.get(entry["detail"])
    detail: Mapping[str, Any] = found if isinstance(found, Mapping) else {}
    event_types, feedback = _types_of(entry, detail)
    ids, customer = ids_of_email(mail.get("tags"), lenient=keep_all)
    message_id = as_text(need(mail, "messageId"))
    sent = milliseconds(instant(need(mail, "timestamp")))
    account = mail.get("sendingAccountId")
    time = detail.get("timestamp")
    happened = sent if time is None else milliseconds(instant(time))
    facets = {
        "mail": _mail(mail, sent, keep_all),
        entry["facet"]: _detail(
            entry["facet"], detail if detail or found is None else found, keep_all
        ),
    }
    if keep_all:
        mapped = (used, "mail", entry["detail"])
        others = ((name, value) for name, value in record.items() if name not in mapped)
        facets |= snaked(others, facets)
    records = []
    for event_type in event_types:
        event = envelope(
            event_type,
            app_id=ids.application_id,
            client_id=ids.endpoint_id or anonymous(message_id),
            event_timestamp=sent,
            arrival_timestamp=happened,
            attributes={
                **{name: as_text(value) for name, value in customer.items()},
                "feedback": feedback,
                **ids.attributes(),
            },
            account_id=account_id or ("" if account is None else as_text(account)),
        )
        event["client_context"] = {"custom": {"legacy_identifier": ids.application_id}}
        event["facets"] = {"email_channel": {"mail_event": facets}}
        records.append(event)
    return records


def _types_of(entry: Mapping[str, Any], detail: Mapping[str, Any]) -> tuple[list[str], str]:
    """Return Pinpoint's types of an event, and its `feedback`."""
    feedback = entry.get("feedback") or as_text(detail.get(entry["feedback_from"]) or "")
    event_type = entry["event_type"]
    if "by_bounce_type" in entry:
        # A type that SES adds one day counts as soft: it must not stop an address permanently.
        chosen = entry["by_bounce_type"].get(str(detail.get("bounceType")), entry)
        return [chosen["event_type"]], chosen["feedback"]
    if "also_by_link_tag" in entry:
        tags = detail.get("linkTags")
        found = tags if isinstance(tags, Mapping) else {}
        also = [kind for tag, kind in entry["also_by_link_tag"].items() if tag in found]
        return [event_type, *also], feedback
    if "when_opted_out" in entry and _opted_out(detail):
        return [entry["when_opted_out"]], feedback
    return [event_type], feedback


def _opted_out(subscription: Mapping[str, Any]) -> bool:
    """Check whether a person unsubscribed from all topics, or from one more than before."""
    new, old = subscription.get("newTopicPreferences"), subscription.get("oldTopicPreferences")
    everything = isinstance(new, Mapping) and bool(new.get("unsubscribeAll"))
    return everything or bool(_topics_out(new) - _topics_out(old))


def _topics_out(preferences: Any) -> set[str]:
    topics = preferences.get("topicSubscriptionStatus") if isinstance(preferences, Mapping) else ()
    return {
        str(topic.get("topicName"))
        for topic in (topics if isinstance(topics, list) else ())
        if isinstance(topic, Mapping) and str(topic.get("subscriptionStatus")).lower() == "optout"
    }


def _mail(mail: Mapping[str, Any], sent: int, keep_all: bool) -> Record:
    truncated = mail.get("headersTruncated")
    own: Record = {
        "from_address": mail.get("source"),
        "message_send_timestamp": sent,
        "headers_truncated": False if truncated is None else truncated,
    }
    if keep_all and not isinstance(mail.get("tags"), Mapping):
        own["tags"] = mail.get("tags")  # no tags at all, but not to be lost
    others = (
        (name, _deep(value))
        for name, value in mail.items()
        if name not in _MAIL_MAPPED and (keep_all or name in _MAIL_MEMBERS)
    )
    facet = {**snaked(others, own), **own}
    common = facet.get("common_headers")
    if isinstance(common, dict):
        if isinstance(common.get("from"), list):
            common["from"] = ", ".join(as_text(sender) for sender in common["from"])
        if not keep_all:
            facet["common_headers"] = {k: v for k, v in common.items() if k in _COMMON_HEADERS}
    return facet


def _detail(facet: str, detail: Any, keep_all: bool) -> Any:
    if not isinstance(detail, Mapping):
        return detail  # not as documented: kept for inspection
    return snaked(
        (name, value if name in _AS_THEY_ARE else _deep(value))
        for name, value in detail.items()
        if value is not None
        and (name != "timestamp" or facet in _TIME_KEPT)
        and (keep_all or name not in _NOT_PINPOINTS)
    )


def _deep(value: Any) -> Any:
    if isinstance(value, dict):
        return snaked((name, _deep(item)) for name, item in value.items())
    if isinstance(value, list):
        return [_deep(item) for item in value]
    return value
