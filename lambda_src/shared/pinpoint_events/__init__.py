"""Events of SES and End User Messaging in the format of Pinpoint's event stream.

The table of types is data, `event_types.json`. Every function gives a record, or a list of them, as
a dict; the caller writes it as one line of JSON. Times are epoch milliseconds, attribute values
strings.
"""

from shared.pinpoint_events.email import EMAIL_TYPES, email_event
from shared.pinpoint_events.ids import (
    CUSTOMER_CONTEXT,
    ENCODED_TAG,
    HUB_CONTEXT,
    ID_NAMES,
    RESERVED_TAG,
    HubIds,
    decode_id,
    email_tags,
    encode_id,
    ids_of_email,
    ids_of_sms,
    tag_values,
)
from shared.pinpoint_events.sms import (
    MESSAGE_TYPES,
    MILLICENTS_PER_DOLLAR,
    REQUESTED_AT,
    SMS_TYPES,
    sms_event,
    two_way_event,
)
from shared.pinpoint_events.types import (
    DEFAULT_TREATMENT,
    EVENT_TYPES,
    EVENT_VERSION,
    MalformedEvent,
    Record,
    UnknownEventType,
    anonymous,
    as_text,
    compact,
    envelope,
    instant,
    milliseconds,
    need,
)

__all__ = [
    "CUSTOMER_CONTEXT",
    "DEFAULT_TREATMENT",
    "EMAIL_TYPES",
    "ENCODED_TAG",
    "EVENT_TYPES",
    "EVENT_VERSION",
    "HUB_CONTEXT",
    "ID_NAMES",
    "MESSAGE_TYPES",
    "MILLICENTS_PER_DOLLAR",
    "REQUESTED_AT",
    "RESERVED_TAG",
    "SMS_TYPES",
    "HubIds",
    "MalformedEvent",
    "Record",
    "UnknownEventType",
    "anonymous",
    "as_text",
    "compact",
    "decode_id",
    "email_event",
    "email_tags",
    "encode_id",
    "envelope",
    "ids_of_email",
    "ids_of_sms",
    "instant",
    "milliseconds",
    "need",
    "sms_event",
    "tag_values",
    "two_way_event",
]
