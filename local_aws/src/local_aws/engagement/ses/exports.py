"""Export jobs of SESv2 and the Virtual Deliverability Manager (VDM) that they need.

The metrics are those of the API reference ("ExportMetric"), counted from what was really sent.
The reference says neither what the file looks like nor how a rate is written: here the columns
are the dimensions and ``<METRIC>_<AGGREGATION>``, a rate is a part of SEND from 0 to 1, and JSON
is one list of objects.
"""

from __future__ import annotations

import csv
import hashlib
import hmac
import io
import itertools
import json
import os
import re
import secrets
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from local_aws.engagement.modelled import ModelledError, Service
from local_aws.engagement.registration import Scoped
from local_aws.engagement.ses import statistics
from local_aws.engagement.ses.statistics import Occurrence

REQUIRED = ("ministack.core.iam_actions._SES_V2_RESOURCES", *statistics.REQUIRED)

Json = dict[str, Any]
CREATED_SECONDS, PROCESSING_SECONDS = 0.5, 1.0
SECONDS_BETWEEN_JOBS = 1.0  # "You can execute this operation no more than once per second."
LINK_SECONDS = 300.0
OUTCOMES = ("COMPLETED", "FAILED", "PROCESSING")
DAY = 86400

service = Service(
    "sesv2",
    invalid="BadRequestException",
    absent=lambda name: ModelledError("BadRequestException", f"{name} is not emulated."),
)


@dataclass
class _Job:
    source: Json
    data_format: str
    report: bytes
    processed: int
    outcome: str
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    created: float = field(default_factory=time.time)
    cancelled: float | None = None

    @property
    def status(self) -> str:
        age = time.time() - self.created
        if self.cancelled is not None:
            return "CANCELLED"
        if age < CREATED_SECONDS:
            return "CREATED"
        return "PROCESSING" if age < CREATED_SECONDS + PROCESSING_SECONDS else self.outcome

    @property
    def ended(self) -> float | None:
        if self.status in ("COMPLETED", "FAILED"):
            return self.created + CREATED_SECONDS + PROCESSING_SECONDS
        return self.cancelled

    @property
    def file(self) -> str:
        return f"{self.id}.{self.data_format.lower()}"

    def summary(self) -> Json:
        return {
            "JobId": self.id,
            "ExportSourceType": "METRICS_DATA",
            "JobStatus": self.status,
            "CreatedTimestamp": self.created,
            "CompletedTimestamp": self.ended,
        }


@dataclass
class _Account:
    jobs: dict[str, _Job] = field(default_factory=dict)
    last_call: float = float("-inf")
    vdm: Json = field(default_factory=lambda: {"VdmEnabled": "DISABLED"})


@dataclass
class Control:
    """What the next job comes to, and how long links live; for those who test with this."""

    next: str = "COMPLETED"
    link_seconds: float = LINK_SECONDS


_accounts: Scoped[_Account] = Scoped(_Account)
_key = secrets.token_bytes(32)
_control = Control()


def register() -> None:
    from ministack.core import iam_actions

    # Service authorization reference: GetExportJob and CancelExportJob name a job, others nothing.
    iam_actions._SES_V2_RESOURCES["export-jobs"] = ("export-job", "")


def reset() -> None:
    global _control
    _accounts.reset()
    _control = Control()


def serves(path: str) -> bool:
    return re.match(r"/v2/email/(export-jobs|list-export-jobs|account/vdm)(/|$)", path) is not None


def vdm_attributes() -> Json:
    """The account's VDM settings, as GetAccount answers them; disabled until somebody enables."""
    return dict(_accounts.here().vdm)


def control(settings: Mapping[str, Any]) -> Json:
    """Set what the next job comes to (``next``) and the life of links (``link_seconds``).

    Raises:
        ValueError: says what is allowed.
    """
    outcome = settings.get("next", _control.next)
    seconds = settings.get("link_seconds", _control.link_seconds)
    if outcome not in OUTCOMES:
        raise ValueError(f"next must be one of {', '.join(OUTCOMES)}.")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds < 0:
        raise ValueError("link_seconds must be a number from 0.")
    _control.next, _control.link_seconds = outcome, seconds
    return {"next": outcome, "link_seconds": seconds}


# -- operations --------------------------------------------------------------------------


@service.operation
def put_account_vdm_attributes(request: Json) -> Json:
    _accounts.here().vdm = request["VdmAttributes"]
    return {}


@service.operation
def create_export_job(request: Json) -> Json:
    account = _accounts.here()
    now = time.monotonic()
    if now - account.last_call < SECONDS_BETWEEN_JOBS:
        raise ModelledError("TooManyRequestsException", "Rate exceeded")
    account.last_call = now
    sources, destination = request["ExportDataSource"], request["ExportDestination"]
    if len(sources) != 1:
        raise _invalid("One data source must be provided")
    if destination.get("S3Url"):
        raise _invalid("Providing a custom S3 URL is not supported")
    if account.vdm["VdmEnabled"] != "ENABLED":
        raise _invalid("To use this feature you must enable Virtual Deliverability Manager")
    if "MetricsDataSource" not in sources:
        raise _invalid("MessageInsightsDataSource is not emulated: export a MetricsDataSource.")
    source = sources["MetricsDataSource"]
    start, end = _period(source)
    _check_dimensions(source["Dimensions"])
    if not all("Name" in metric for metric in source["Metrics"]):
        raise _invalid("Each metric needs a Name")
    happened = [each for each in statistics.occurrences(start, end) if each.to_one]
    job = _Job(
        sources,
        destination["DataFormat"],
        _written(source, _report(source, happened), destination["DataFormat"]),
        len(happened),
        _control.next,
    )
    _control.next = "COMPLETED"
    account.jobs[job.id] = job
    return {"JobId": job.id}


def _invalid(message: str) -> ModelledError:
    return ModelledError("BadRequestException", message)


def _period(source: Json) -> tuple[float, float]:
    start, end = (_epoch(source[name]) for name in ("StartDate", "EndDate"))
    if start % DAY or end % DAY:
        raise _invalid("Invalid date range: metrics are exported from midnight to midnight UTC")
    if end <= start:
        raise _invalid("Invalid date range")
    return start, end


def _epoch(value: float | str) -> float:
    if not isinstance(value, str):
        return value
    try:
        return datetime.fromisoformat(value).timestamp()
    except ValueError:
        raise _invalid(f"{value} is not a timestamp") from None


def _check_dimensions(dimensions: Mapping[str, list[str]]) -> None:
    """ "If one Dimension has the * value, other dimensions can only contain one value." """
    for values in dimensions.values():
        if "*" in values and len(values) > 1:
            raise _invalid("A dimension has either the value * or a list of specific values")
    if ["*"] in dimensions.values() and any(len(values) > 1 for values in dimensions.values()):
        raise _invalid("If one dimension has the * value, others can only contain one value")


@service.operation
def get_export_job(request: Json) -> Json:
    job = _job(request["JobId"])
    destination = {"DataFormat": job.data_format}
    answer = job.summary() | {"ExportDataSource": job.source, "ExportDestination": destination}
    if job.status == "COMPLETED":
        destination["S3Url"] = _link(job)
        answer["Statistics"] = {"ProcessedRecordsCount": job.processed}
    if job.status == "FAILED":
        answer["FailureInfo"] = {"ErrorMessage": "The export failed: try again later."}
    return answer


@service.operation
def cancel_export_job(request: Json) -> Json:
    job = _job(request["JobId"])
    if job.status not in ("CREATED", "PROCESSING"):
        raise _invalid(f"Cannot cancel an export job that has a <{job.status}> status.")
    job.cancelled = time.time()
    return {}


def _job(job_id: str) -> _Job:
    job = _accounts.here().jobs.get(job_id)
    if job is not None:
        return job
    try:
        uuid.UUID(job_id)
    except ValueError:
        raise _invalid("Invalid JobId") from None
    raise ModelledError("NotFoundException", f"Export job <{job_id}> does not exist.")


@service.operation
def list_export_jobs(request: Json) -> Json:
    jobs = [
        job.summary()
        for job in reversed(_accounts.here().jobs.values())
        if request.get("JobStatus") in (None, job.status)
        and request.get("ExportSourceType") in (None, "METRICS_DATA")
    ]
    try:
        first = int(request.get("NextToken") or 0)
    except ValueError:
        raise _invalid("The NextToken is not valid.") from None
    last = first + (request.get("PageSize") or 100)
    more = {"NextToken": str(last)} if last < len(jobs) else {}
    return {"ExportJobs": jobs[first:last], **more}


# -- the report --------------------------------------------------------------------------

# Mailbox providers that the metrics tell apart; all others are one.
_ISPS = {
    "Gmail": ("gmail.com", "googlemail.com"),
    "Yahoo": ("yahoo.com", "yahoo.co.uk", "yahoo.co.jp", "ymail.com", "rocketmail.com", "aol.com"),
    "Hotmail": ("hotmail.com", "outlook.com", "live.com", "msn.com"),
    "iCloud": ("icloud.com", "me.com", "mac.com"),
    "Comcast": ("comcast.net",),
}
_ISP_OF = {domain: isp for isp, domains in _ISPS.items() for domain in domains}
UNKNOWN_ISP = "UNKNOWN_ISP"


def _isp(occurrence: Occurrence) -> str:
    return _ISP_OF.get(occurrence.addresses[0].rpartition("@")[2].lower(), UNKNOWN_ISP)


_DIMENSIONS: dict[str, Callable[[Occurrence], str]] = {
    "EMAIL_IDENTITY": lambda each: each.identity,
    "CONFIGURATION_SET": lambda each: each.configuration_set,
    "ISP": _isp,
}
_METRICS: dict[str, Callable[[Occurrence], bool]] = {
    "SEND": lambda each: each.event_type == "Send",
    "DELIVERY": lambda each: each.event_type == "Delivery",
    "PERMANENT_BOUNCE": lambda each: (
        each.event_type == "Bounce" and each.permanent and not each.held_back
    ),
    "TRANSIENT_BOUNCE": lambda each: each.event_type == "Bounce" and not each.permanent,
    "COMPLAINT": lambda each: each.event_type == "Complaint" and not each.held_back,
    "OPEN": lambda each: each.event_type == "Open",
    "CLICK": lambda each: each.event_type == "Click",
    "DELIVERY_OPEN": lambda each: each.event_type == "Delivery" and each.html,
    "DELIVERY_CLICK": lambda each: each.event_type == "Delivery" and each.links,
    # Gmail sends senders no complaints.
    "DELIVERY_COMPLAINT": lambda each: each.event_type == "Delivery" and _isp(each) != "Gmail",
}


def _volume(metric: str, happened: Iterable[Occurrence]) -> int:
    """Each email counts once for a metric: opens and clicks are unique ones."""
    return len({each.message_id for each in happened if _METRICS[metric](each)})


def _report(source: Json, happened: list[Occurrence]) -> list[dict[str, str | float]]:
    """A row for each combination of the values asked for; of ``*`` those that occurred."""
    dimensions: Mapping[str, list[str]] = source["Dimensions"]
    by_values: dict[tuple[str, ...], list[Occurrence]] = {}
    for each in happened:
        values = tuple(_DIMENSIONS[name](each) for name in dimensions)
        if all(values):  # an email without configuration set belongs to none
            by_values.setdefault(values, []).append(each)
    if ["*"] in dimensions.values():
        wanted = sorted(
            values
            for values in by_values
            if all(
                asked in ("*", value)
                for value, [asked] in zip(values, dimensions.values(), strict=True)
            )
        )
    else:
        wanted = list(itertools.product(*dimensions.values()))
    return [
        dict(zip(dimensions, values, strict=True)) | _figures(source, by_values.get(values, []))
        for values in wanted
    ]


def _figures(source: Json, happened: list[Occurrence]) -> dict[str, float]:
    sent = _volume("SEND", happened)
    figures: dict[str, float] = {}
    for metric in source["Metrics"]:
        name, aggregation = metric["Name"], _aggregation(metric)
        volume = _volume(name, happened)
        figures[f"{name}_{aggregation}"] = (
            volume if aggregation == "VOLUME" else volume / sent if sent else 0
        )
    return figures


def _aggregation(metric: Mapping[str, str]) -> str:
    return metric.get("Aggregation") or "VOLUME"


def _written(source: Json, rows: list[dict[str, str | float]], data_format: str) -> bytes:
    if data_format == "JSON":
        return json.dumps(rows).encode()
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    metrics = [f"{metric['Name']}_{_aggregation(metric)}" for metric in source["Metrics"]]
    writer.writerow([*source["Dimensions"], *metrics])
    for row in rows:
        writer.writerow(
            value if isinstance(value, str) else f"{value:.4f}" for value in row.values()
        )
    return text.getvalue().encode()


# -- the link to it ----------------------------------------------------------------------


def _link(job: _Job) -> str:
    expires = str(time.time() + _control.link_seconds)
    signed = f"Expires={expires}&Signature={_signature(job.file, expires)}"
    port = os.environ.get("GATEWAY_PORT", "4566")
    return f"http://127.0.0.1:{port}/_local/ses/exports/{job.file}?{signed}"


def _signature(file: str, expires: str) -> str:
    return hmac.new(_key, f"{file}\n{expires}".encode(), hashlib.sha256).hexdigest()


def download(file: str, query: Mapping[str, str]) -> tuple[int, bytes]:
    """Status and content behind a link; 403 in S3's words for one that was changed or is old."""
    expires, signature = query.get("Expires", ""), query.get("Signature", "")
    if not hmac.compare_digest(signature, _signature(file, expires)):
        return 403, _refusal("SignatureDoesNotMatch", "The signature does not match the request.")
    if float(expires) < time.time():
        return 403, _refusal("AccessDenied", "Request has expired")
    for _, account in _accounts.all():
        if (job := account.jobs.get(file.partition(".")[0])) is not None:
            return 200, job.report
    return 404, _refusal("NoSuchKey", "The specified key does not exist.")


def _refusal(code: str, message: str) -> bytes:
    return f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()
