"""The API's JSON in types: closed sets as enumerations, structures as they are on the wire.

Member names are Pinpoint's own. Every member is optional here: clients leave members out, and
an absent member means something ("stays as it was"). The modules that use a structure check what it
needs. Push and in-app content is passed on unread, so it stays `JsonObject`.

Source: Amazon Pinpoint API, service model 2016-12-01; a test keeps the members in step with it.
"""

from enum import StrEnum
from typing import Any, TypedDict

JsonObject = dict[str, Any]


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


class Frequency(StrEnum):
    """How often a campaign runs."""

    ONCE = "ONCE"
    HOURLY = "HOURLY"
    DAILY = "DAILY"
    WEEKLY = "WEEKLY"
    MONTHLY = "MONTHLY"
    EVENT = "EVENT"
    IN_APP_EVENT = "IN_APP_EVENT"


class FilterType(StrEnum):
    """Which side reports the events an event campaign waits for."""

    SYSTEM = "SYSTEM"
    ENDPOINT = "ENDPOINT"


class HookMode(StrEnum):
    """The effect of a campaign hook on the endpoints that it gets."""

    DELIVERY = "DELIVERY"
    FILTER = "FILTER"


class MessageType(StrEnum):
    """How carriers class a text message."""

    TRANSACTIONAL = "TRANSACTIONAL"
    PROMOTIONAL = "PROMOTIONAL"


# Endpoints and users


class Location(TypedDict, total=False):
    """Where the endpoint is; `Country` is compared as the string it was given as."""

    City: str
    Country: str
    Latitude: float
    Longitude: float
    PostalCode: str
    Region: str


class Demographic(TypedDict, total=False):
    """The device and its settings; `Timezone` is a tz database name."""

    AppVersion: str
    Locale: str
    Make: str
    Model: str
    ModelVersion: str
    Platform: str
    PlatformVersion: str
    Timezone: str


class User(TypedDict, total=False):
    """The user behind an endpoint; the attributes belong to the user, not the endpoint."""

    UserAttributes: dict[str, list[str]]
    UserId: str


class EndpointRequest(TypedDict, total=False):
    """The members of an endpoint that a client may write."""

    Address: str
    Attributes: dict[str, list[str]]
    ChannelType: str
    Demographic: Demographic
    EffectiveDate: str
    EndpointStatus: str
    Location: Location
    Metrics: dict[str, float]
    OptOut: str
    RequestId: str
    User: User


class EndpointBatchItem(TypedDict, total=False):
    """One endpoint of UpdateEndpointsBatch."""

    Address: str
    Attributes: dict[str, list[str]]
    ChannelType: str
    Demographic: Demographic
    EffectiveDate: str
    EndpointStatus: str
    Id: str
    Location: Location
    Metrics: dict[str, float]
    OptOut: str
    RequestId: str
    User: User


class Endpoint(TypedDict, total=False):
    """An endpoint as the API answers it, its user's attributes joined."""

    Address: str
    ApplicationId: str
    Attributes: dict[str, list[str]]
    ChannelType: str
    CohortId: str
    CreationDate: str
    Demographic: Demographic
    EffectiveDate: str
    EndpointStatus: str
    Id: str
    Location: Location
    Metrics: dict[str, float]
    OptOut: str
    RequestId: str
    User: User


# Segments


class SetDimension(TypedDict, total=False):
    """Membership in a set of strings; `DimensionType` is a DimensionType."""

    DimensionType: str
    Values: list[str]


class AttributeDimension(TypedDict, total=False):
    """A test on an attribute's values; `AttributeType` is an AttributeType."""

    AttributeType: str
    Values: list[str]


class MetricDimension(TypedDict, total=False):
    """A comparison of one metric; `ComparisonOperator` is a MetricComparison."""

    ComparisonOperator: str
    Value: float


class GPSCoordinates(TypedDict, total=False):
    """Decimal degrees."""

    Latitude: float
    Longitude: float


class GPSPointDimension(TypedDict, total=False):
    """A circle on the earth."""

    Coordinates: GPSCoordinates
    RangeInKilometers: float


class SegmentLocation(TypedDict, total=False):
    """By country, by distance from a point, or both."""

    Country: SetDimension
    GPSPoint: GPSPointDimension


class SegmentDemographics(TypedDict, total=False):
    """By device properties and channel."""

    AppVersion: SetDimension
    Channel: SetDimension
    DeviceType: SetDimension
    Make: SetDimension
    Model: SetDimension
    Platform: SetDimension


class RecencyDimension(TypedDict, total=False):
    """Active or inactive within a period."""

    Duration: str
    RecencyType: str


class SegmentBehaviors(TypedDict, total=False):
    """By activity."""

    Recency: RecencyDimension


class SegmentDimensions(TypedDict, total=False):
    """Criteria that must all hold."""

    Attributes: dict[str, AttributeDimension]
    Behavior: SegmentBehaviors
    Demographic: SegmentDemographics
    Location: SegmentLocation
    Metrics: dict[str, MetricDimension]
    UserAttributes: dict[str, AttributeDimension]


class SegmentReference(TypedDict, total=False):
    """Another segment; no `Version` follows its latest."""

    Id: str
    Version: int


class SegmentGroup(TypedDict, total=False):
    """Dimensions and source segments; an endpoint must pass both."""

    Dimensions: list[SegmentDimensions]
    SourceSegments: list[SegmentReference]
    SourceType: str
    Type: str


class SegmentGroups(TypedDict, total=False):
    """Groups and how `Include` combines them."""

    Groups: list[SegmentGroup]
    Include: str


class SegmentRequest(TypedDict, total=False):
    """The members of a segment that a client may write."""

    Dimensions: SegmentDimensions
    Name: str
    SegmentGroups: SegmentGroups
    tags: dict[str, str]


class SegmentImport(TypedDict, total=False):
    """Where an imported segment came from."""

    ChannelCounts: dict[str, int]
    ExternalId: str
    Format: str
    RoleArn: str
    S3Url: str
    Size: int


class Segment(TypedDict, total=False):
    """A segment as the API answers it."""

    ApplicationId: str
    Arn: str
    CreationDate: str
    Dimensions: SegmentDimensions
    Id: str
    ImportDefinition: SegmentImport
    LastModifiedDate: str
    Name: str
    SegmentGroups: SegmentGroups
    SegmentType: str
    Version: int
    tags: dict[str, str]


# Import and export jobs


class ImportJobRequest(TypedDict, total=False):
    """The source and the target of an import."""

    DefineSegment: bool
    ExternalId: str
    Format: str
    RegisterEndpoints: bool
    RoleArn: str
    S3Url: str
    SegmentId: str
    SegmentName: str


class ImportJobDefinition(TypedDict, total=False):
    """The import request with its allocated segment."""

    DefineSegment: bool
    ExternalId: str
    Format: str
    RegisterEndpoints: bool
    RoleArn: str
    S3Url: str
    SegmentId: str
    SegmentName: str


class ImportJob(TypedDict, total=False):
    """An import job as the API answers it; `JobStatus` is a JobStatus."""

    ApplicationId: str
    CompletedPieces: int
    CompletionDate: str
    CreationDate: str
    Definition: ImportJobDefinition
    FailedPieces: int
    Failures: list[str]
    Id: str
    JobStatus: str
    TotalFailures: int
    TotalPieces: int
    TotalProcessed: int
    Type: str


class ExportJobRequest(TypedDict, total=False):
    """The source and the target of an export."""

    RoleArn: str
    S3UrlPrefix: str
    SegmentId: str
    SegmentVersion: int


class ExportJobDefinition(TypedDict, total=False):
    """The export request as kept."""

    RoleArn: str
    S3UrlPrefix: str
    SegmentId: str
    SegmentVersion: int


class ExportJob(TypedDict, total=False):
    """An export job as the API answers it; `JobStatus` is a JobStatus."""

    ApplicationId: str
    CompletedPieces: int
    CompletionDate: str
    CreationDate: str
    Definition: ExportJobDefinition
    FailedPieces: int
    Failures: list[str]
    Id: str
    JobStatus: str
    TotalFailures: int
    TotalPieces: int
    TotalProcessed: int
    Type: str


# Projects, settings, event stream


class App(TypedDict, total=False):
    """A project."""

    Arn: str
    CreationDate: str
    Id: str
    Name: str
    tags: dict[str, str]


class QuietTime(TypedDict, total=False):
    """From `Start` to `End`, HH:MM in the endpoint's local time, both inclusive."""

    End: str
    Start: str


class CampaignLimits(TypedDict, total=False):
    """Message caps and pace; `MaximumDuration` in seconds."""

    Daily: int
    MaximumDuration: int
    MessagesPerSecond: int
    Session: int
    Total: int


class CampaignHook(TypedDict, total=False):
    """A function or web hook that filters or delivers."""

    LambdaFunctionName: str
    Mode: str
    WebUrl: str


class SettingsRequest(TypedDict, total=False):
    """Project-wide defaults as a client writes them."""

    CampaignHook: CampaignHook
    CloudWatchMetricsEnabled: bool
    EventTaggingEnabled: bool
    JourneyLimits: JsonObject
    Limits: CampaignLimits
    QuietTime: QuietTime


class Settings(TypedDict, total=False):
    """Project-wide defaults."""

    ApplicationId: str
    CampaignHook: CampaignHook
    JourneyLimits: JsonObject
    LastModifiedDate: str
    Limits: CampaignLimits
    QuietTime: QuietTime


class EventStream(TypedDict, total=False):
    """Where the project's events go."""

    ApplicationId: str
    DestinationStreamArn: str
    ExternalId: str
    LastModifiedDate: str
    LastUpdatedBy: str
    RoleArn: str


class Session(TypedDict, total=False):
    """A session of an app event; `Duration` in milliseconds."""

    Duration: int
    Id: str
    StartTimestamp: str
    StopTimestamp: str


class Event(TypedDict, total=False):
    """One event a client reports."""

    AppPackageName: str
    AppTitle: str
    AppVersionCode: str
    Attributes: dict[str, str]
    ClientSdkVersion: str
    EventType: str
    Metrics: dict[str, float]
    SdkName: str
    Session: Session
    Timestamp: str


# Message content


class MessageHeader(TypedDict, total=False):
    """One email header."""

    Name: str
    Value: str


class SimpleEmailPart(TypedDict, total=False):
    """A subject or body with its charset."""

    Charset: str
    Data: str


class SimpleEmail(TypedDict, total=False):
    """A subject, and a text or HTML body or both."""

    Headers: list[MessageHeader]
    HtmlPart: SimpleEmailPart
    Subject: SimpleEmailPart
    TextPart: SimpleEmailPart


class RawEmail(TypedDict, total=False):
    """A whole MIME message, base64 on the wire."""

    Data: str


class EmailMessage(TypedDict, total=False):
    """Email content of a direct send."""

    Body: str
    FeedbackForwardingAddress: str
    FromAddress: str
    RawEmail: RawEmail
    ReplyToAddresses: list[str]
    SimpleEmail: SimpleEmail
    Substitutions: dict[str, list[str]]


class SMSMessage(TypedDict, total=False):
    """Text-message content of a direct send."""

    Body: str
    EntityId: str
    Keyword: str
    MediaUrl: str
    MessageType: str
    OriginationNumber: str
    SenderId: str
    Substitutions: dict[str, list[str]]
    TemplateId: str


class VoiceMessage(TypedDict, total=False):
    """Voice content of a direct send."""

    Body: str
    LanguageCode: str
    OriginationNumber: str
    Substitutions: dict[str, list[str]]
    VoiceId: str


class DefaultMessage(TypedDict, total=False):
    """The message for a channel without content of its own."""

    Body: str
    Substitutions: dict[str, list[str]]


class DirectMessageConfiguration(TypedDict, total=False):
    """Content by channel of a direct send."""

    ADMMessage: JsonObject
    APNSMessage: JsonObject
    BaiduMessage: JsonObject
    DefaultMessage: DefaultMessage
    DefaultPushNotificationMessage: JsonObject
    EmailMessage: EmailMessage
    GCMMessage: JsonObject
    SMSMessage: SMSMessage
    VoiceMessage: VoiceMessage


class TemplateReference(TypedDict, total=False):
    """A template by name; no `Version` means the active one."""

    Name: str
    Version: str


class TemplateConfiguration(TypedDict, total=False):
    """Templates by channel."""

    EmailTemplate: TemplateReference
    InAppTemplate: TemplateReference
    PushTemplate: TemplateReference
    SMSTemplate: TemplateReference
    VoiceTemplate: TemplateReference


class AddressConfiguration(TypedDict, total=False):
    """The differences for one address."""

    BodyOverride: str
    ChannelType: str
    Context: dict[str, str]
    RawContent: str
    Substitutions: dict[str, list[str]]
    TitleOverride: str


class EndpointSendConfiguration(TypedDict, total=False):
    """The differences for one endpoint."""

    BodyOverride: str
    Context: dict[str, str]
    RawContent: str
    Substitutions: dict[str, list[str]]
    TitleOverride: str


class MessageRequest(TypedDict, total=False):
    """SendMessages as a client writes it."""

    Addresses: dict[str, AddressConfiguration]
    Context: dict[str, str]
    Endpoints: dict[str, EndpointSendConfiguration]
    MessageConfiguration: DirectMessageConfiguration
    TemplateConfiguration: TemplateConfiguration
    TraceId: str


class UsersMessageRequest(TypedDict, total=False):
    """SendUsersMessages as a client writes it."""

    Context: dict[str, str]
    MessageConfiguration: DirectMessageConfiguration
    TemplateConfiguration: TemplateConfiguration
    TraceId: str
    Users: dict[str, EndpointSendConfiguration]


class MessageResult(TypedDict, total=False):
    """The outcome of the message to one address."""

    DeliveryStatus: str
    MessageId: str
    StatusCode: int
    StatusMessage: str
    UpdatedToken: str


class EndpointMessageResult(TypedDict, total=False):
    """The outcome of the message to one endpoint."""

    Address: str
    DeliveryStatus: str
    MessageId: str
    StatusCode: int
    StatusMessage: str
    UpdatedToken: str


class EmailTemplate(TypedDict, total=False):
    """An email template; `DefaultSubstitutions` is JSON in a string."""

    DefaultSubstitutions: str
    Headers: list[MessageHeader]
    HtmlPart: str
    RecommenderId: str
    Subject: str
    TemplateDescription: str
    TextPart: str
    tags: dict[str, str]


class SmsTemplate(TypedDict, total=False):
    """A text-message template."""

    Body: str
    DefaultSubstitutions: str
    RecommenderId: str
    TemplateDescription: str
    tags: dict[str, str]


class VoiceTemplate(TypedDict, total=False):
    """A voice template."""

    Body: str
    DefaultSubstitutions: str
    LanguageCode: str
    TemplateDescription: str
    VoiceId: str
    tags: dict[str, str]


# Campaigns


class CampaignEmailMessage(TypedDict, total=False):
    """Email content of a campaign."""

    Body: str
    FromAddress: str
    Headers: list[MessageHeader]
    HtmlBody: str
    Title: str


class CampaignSmsMessage(TypedDict, total=False):
    """Text-message content of a campaign."""

    Body: str
    EntityId: str
    MessageType: str
    OriginationNumber: str
    SenderId: str
    TemplateId: str


class CampaignCustomMessage(TypedDict, total=False):
    """The `Data` of a custom channel's function."""

    Data: str


class MessageConfiguration(TypedDict, total=False):
    """Content by channel of a campaign."""

    ADMMessage: JsonObject
    APNSMessage: JsonObject
    BaiduMessage: JsonObject
    CustomMessage: CampaignCustomMessage
    DefaultMessage: JsonObject
    EmailMessage: CampaignEmailMessage
    GCMMessage: JsonObject
    InAppMessage: JsonObject
    SMSMessage: CampaignSmsMessage


class CustomDeliveryConfiguration(TypedDict, total=False):
    """The function or web hook of a custom channel."""

    DeliveryUri: str
    EndpointTypes: list[str]


class EventDimensions(TypedDict, total=False):
    """Which events start an event campaign."""

    Attributes: dict[str, AttributeDimension]
    EventType: SetDimension
    Metrics: dict[str, MetricDimension]


class CampaignEventFilter(TypedDict, total=False):
    """Which events start an event campaign, and their origin."""

    Dimensions: EventDimensions
    FilterType: str


class Schedule(TypedDict, total=False):
    """When a campaign runs; `Timezone` is a fixed offset such as UTC+01."""

    EndTime: str
    EventFilter: CampaignEventFilter
    Frequency: str
    IsLocalTime: bool
    QuietTime: QuietTime
    StartTime: str
    Timezone: str


class CampaignState(TypedDict, total=False):
    """`CampaignStatus` is a CampaignStatus."""

    CampaignStatus: str


class TreatmentRequest(TypedDict, total=False):
    """A variant of a campaign as a client writes it."""

    CustomDeliveryConfiguration: CustomDeliveryConfiguration
    MessageConfiguration: MessageConfiguration
    Schedule: Schedule
    SizePercent: int
    TemplateConfiguration: TemplateConfiguration
    TreatmentDescription: str
    TreatmentName: str


class Treatment(TypedDict, total=False):
    """A variant of a campaign."""

    CustomDeliveryConfiguration: CustomDeliveryConfiguration
    Id: str
    MessageConfiguration: MessageConfiguration
    Schedule: Schedule
    SizePercent: int
    State: CampaignState
    TemplateConfiguration: TemplateConfiguration
    TreatmentDescription: str
    TreatmentName: str


class CampaignRequest(TypedDict, total=False):
    """The members of a campaign that a client may write."""

    AdditionalTreatments: list[TreatmentRequest]
    CustomDeliveryConfiguration: CustomDeliveryConfiguration
    Description: str
    HoldoutPercent: int
    Hook: CampaignHook
    IsPaused: bool
    Limits: CampaignLimits
    MessageConfiguration: MessageConfiguration
    Name: str
    Priority: int
    Schedule: Schedule
    SegmentId: str
    SegmentVersion: int
    TemplateConfiguration: TemplateConfiguration
    TreatmentDescription: str
    TreatmentName: str
    tags: dict[str, str]


class Campaign(TypedDict, total=False):
    """A campaign as the API answers it."""

    AdditionalTreatments: list[Treatment]
    ApplicationId: str
    Arn: str
    CreationDate: str
    CustomDeliveryConfiguration: CustomDeliveryConfiguration
    DefaultState: CampaignState
    Description: str
    HoldoutPercent: int
    Hook: CampaignHook
    Id: str
    IsPaused: bool
    LastModifiedDate: str
    Limits: CampaignLimits
    MessageConfiguration: MessageConfiguration
    Name: str
    Priority: int
    Schedule: Schedule
    SegmentId: str
    SegmentVersion: int
    State: CampaignState
    TemplateConfiguration: TemplateConfiguration
    TreatmentDescription: str
    TreatmentName: str
    Version: int
    tags: dict[str, str]


class Activity(TypedDict, total=False):
    """One run of one treatment; `State` is an ActivityState."""

    ApplicationId: str
    CampaignId: str
    End: str
    ExecutionMetrics: dict[str, str]
    Id: str
    Result: str
    ScheduledStart: str
    Start: str
    State: str
    SuccessfulEndpointCount: int
    TimezonesCompletedCount: int
    TimezonesTotalCount: int
    TotalEndpointCount: int
    TreatmentId: str
