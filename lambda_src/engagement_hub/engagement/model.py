"""The API's JSON in types: closed sets as enumerations, structures as they are on the wire.

The structures come from the type stubs of boto3, which the running code does not load: an
alias is the structure's name. Requests hold any JSON until the module that uses them has checked
it. A type with `Output` in its name is that of an answer, with plain lists and dictionaries, as
stored entities have them.

Source: Amazon Pinpoint API, service model 2016-12-01; a test keeps the closed sets in step with it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from mypy_boto3_pinpoint.type_defs import (
        ActivityResponseTypeDef,
        ApplicationSettingsResourceTypeDef,
        CampaignHookTypeDef,
        CampaignLimitsTypeDef,
        CampaignResponseTypeDef,
        CustomDeliveryConfigurationOutputTypeDef,
        EndpointRequestTypeDef,
        EndpointResponseTypeDef,
        EndpointUserOutputTypeDef,
        EventTypeDef,
        JourneyResponseTypeDef,
        MessageConfigurationOutputTypeDef,
        QuietTimeTypeDef,
        ScheduleUnionTypeDef,
        SegmentReferenceTypeDef,
        SegmentResponseTypeDef,
        TemplateConfigurationTypeDef,
        TreatmentResourceTypeDef,
        WriteCampaignRequestTypeDef,
        WriteJourneyRequestTypeDef,
        WriteSegmentRequestTypeDef,
    )

JsonObject = dict[str, Any]

Activity: TypeAlias = "ActivityResponseTypeDef"
Campaign: TypeAlias = "CampaignResponseTypeDef"
CampaignHook: TypeAlias = "CampaignHookTypeDef"
CampaignLimits: TypeAlias = "CampaignLimitsTypeDef"
CampaignRequest: TypeAlias = "WriteCampaignRequestTypeDef"
CustomDeliveryConfiguration: TypeAlias = "CustomDeliveryConfigurationOutputTypeDef"
Endpoint: TypeAlias = "EndpointResponseTypeDef"
EndpointRequest: TypeAlias = "EndpointRequestTypeDef"
Event: TypeAlias = "EventTypeDef"
Journey: TypeAlias = "JourneyResponseTypeDef"
JourneyRequest: TypeAlias = "WriteJourneyRequestTypeDef"
MessageConfiguration: TypeAlias = "MessageConfigurationOutputTypeDef"
QuietTime: TypeAlias = "QuietTimeTypeDef"
Schedule: TypeAlias = "ScheduleUnionTypeDef"
Segment: TypeAlias = "SegmentResponseTypeDef"
SegmentReference: TypeAlias = "SegmentReferenceTypeDef"
SegmentRequest: TypeAlias = "WriteSegmentRequestTypeDef"
Settings: TypeAlias = "ApplicationSettingsResourceTypeDef"
TemplateConfiguration: TypeAlias = "TemplateConfigurationTypeDef"
Treatment: TypeAlias = "TreatmentResourceTypeDef"
User: TypeAlias = "EndpointUserOutputTypeDef"


class ChannelType(StrEnum):
    """How an endpoint is reached."""

    PUSH = "PUSH"
    GCM = "GCM"
    APNS = "APNS"
    APNS_SANDBOX = "APNS_SANDBOX"
    APNS_VOIP = "APNS_VOIP"
    APNS_VOIP_SANDBOX = "APNS_VOIP_SANDBOX"
    ADM = "ADM"
    SMS = "SMS"
    VOICE = "VOICE"
    EMAIL = "EMAIL"
    BAIDU = "BAIDU"
    CUSTOM = "CUSTOM"
    IN_APP = "IN_APP"


class EndpointStatus(StrEnum):
    """Whether an endpoint can be sent to."""

    ACTIVE = "ACTIVE"
    INACTIVE = "INACTIVE"


class OptOut(StrEnum):
    """The messages that the person of an endpoint refuses."""

    NONE = "NONE"
    ALL = "ALL"


class DimensionType(StrEnum):
    """In the set, or not in it."""

    INCLUSIVE = "INCLUSIVE"
    EXCLUSIVE = "EXCLUSIVE"


class AttributeType(StrEnum):
    """How a segment tests an attribute."""

    INCLUSIVE = "INCLUSIVE"
    EXCLUSIVE = "EXCLUSIVE"
    CONTAINS = "CONTAINS"
    BEFORE = "BEFORE"
    AFTER = "AFTER"
    ON = "ON"
    BETWEEN = "BETWEEN"


class MetricComparison(StrEnum):
    """How a segment tests a metric."""

    GREATER_THAN = "GREATER_THAN"
    LESS_THAN = "LESS_THAN"
    GREATER_THAN_OR_EQUAL = "GREATER_THAN_OR_EQUAL"
    LESS_THAN_OR_EQUAL = "LESS_THAN_OR_EQUAL"
    EQUAL = "EQUAL"


class RecencyDuration(StrEnum):
    """The period a recency test looks back on."""

    HR_24 = "HR_24"
    DAY_7 = "DAY_7"
    DAY_14 = "DAY_14"
    DAY_30 = "DAY_30"


class RecencyType(StrEnum):
    """Used the app within the period, or did not."""

    ACTIVE = "ACTIVE"
    INACTIVE = "INACTIVE"


class Combination(StrEnum):
    """How a segment group combines its dimensions, its sources, or the groups themselves."""

    ALL = "ALL"
    ANY = "ANY"
    NONE = "NONE"


class SegmentType(StrEnum):
    """Evaluated from criteria, or a frozen list."""

    DIMENSIONAL = "DIMENSIONAL"
    IMPORT = "IMPORT"


class FileFormat(StrEnum):
    """The format of an import file; JSON means one object per line."""

    CSV = "CSV"
    JSON = "JSON"


class JobStatus(StrEnum):
    """The status of an import or export job."""

    CREATED = "CREATED"
    PREPARING_FOR_INITIALIZATION = "PREPARING_FOR_INITIALIZATION"
    INITIALIZING = "INITIALIZING"
    PROCESSING = "PROCESSING"
    PENDING_JOB = "PENDING_JOB"
    COMPLETING = "COMPLETING"
    COMPLETED = "COMPLETED"
    FAILING = "FAILING"
    FAILED = "FAILED"


class CampaignStatus(StrEnum):
    """The status of a campaign."""

    SCHEDULED = "SCHEDULED"
    EXECUTING = "EXECUTING"
    PENDING_NEXT_RUN = "PENDING_NEXT_RUN"
    COMPLETED = "COMPLETED"
    PAUSED = "PAUSED"
    DELETED = "DELETED"
    INVALID = "INVALID"


class ActivityState(StrEnum):
    """The state of one run of a campaign."""

    PENDING = "PENDING"
    INITIALIZING = "INITIALIZING"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    CANCELLED = "CANCELLED"
    COMPLETED = "COMPLETED"


class ActivityResult(StrEnum):
    """How one run of a campaign ended."""

    SUCCESS = "SUCCESS"
    FAIL = "FAIL"


class JourneyState(StrEnum):
    """The state of a journey."""

    DRAFT = "DRAFT"
    ACTIVE = "ACTIVE"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"
    CLOSED = "CLOSED"
    PAUSED = "PAUSED"


class Frequency(StrEnum):
    """How often a campaign runs."""

    ONCE = "ONCE"
    HOURLY = "HOURLY"
    DAILY = "DAILY"
    WEEKLY = "WEEKLY"
    MONTHLY = "MONTHLY"
    EVENT = "EVENT"
    IN_APP_EVENT = "IN_APP_EVENT"


class HookMode(StrEnum):
    """The effect of a campaign hook on the endpoints that it gets."""

    DELIVERY = "DELIVERY"
    FILTER = "FILTER"
