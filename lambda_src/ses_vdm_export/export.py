"""An export: its request to SES, the place of its report, and the meaning of a job's answer."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import urlencode

from ses_vdm_export.month import Month
from shared.polling import Polling

__all__ = [
    "Assessment",
    "Outcome",
    "Specification",
    "assess",
    "console_link",
    "failed",
    "job_continues",
    "waiting",
]

CONTENT_TYPES = {"CSV": "text/csv", "JSON": "application/json"}


class Outcome(StrEnum):
    """The next step of the state machine."""

    WAIT = "WAIT"
    SUCCESS = "SUCCESS"  # The report is in the bucket: tell.
    FAILURE = "FAILURE"
    NOTHING = "NOTHING"  # Another run has exported the report, or is about to.


@dataclass(frozen=True, slots=True)
class Assessment:
    """`reason` is given for a FAILURE."""

    outcome: Outcome
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Specification:
    """The content of a report, the same for every month."""

    dimensions: Mapping[str, list[str]]
    metrics: list[Mapping[str, str]]
    data_format: str

    @classmethod
    def from_json(cls, text: str) -> "Specification":
        """Read `{"Dimensions": {name: values}, "Metrics": [{Name, Aggregation}], "DataFormat"}`."""
        given = json.loads(text)
        return cls(given["Dimensions"], given["Metrics"], given["DataFormat"])

    @property
    def digest(self) -> str:
        """Tells two specifications apart; 12 hexadecimal digits."""
        parts = [self.dimensions, self.metrics, self.data_format]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]

    @property
    def content_type(self) -> str:
        return CONTENT_TYPES[self.data_format]

    def claim(self, month: Month) -> str:
        """Return the key that is unique for a month and a specification."""
        return f"{month}#{self.digest}"

    def object_key(self, prefix: str, month: Month) -> str:
        """Return the key of the report: by date, and different for each specification."""
        folder = f"{prefix}year={month.year:04}/month={month.number:02}/"
        return f"{folder}vdm-{month}-{self.digest}.{self.data_format.lower()}"

    def request(self, start: str, end: str) -> dict[str, Any]:
        """Return the parameters of CreateExportJob."""
        return {
            "ExportDataSource": {
                "MetricsDataSource": {
                    "Namespace": "VDM",
                    "Dimensions": self.dimensions,
                    "Metrics": self.metrics,
                    "StartDate": start,
                    "EndDate": end,
                }
            },
            "ExportDestination": {"DataFormat": self.data_format},
        }


def assess(job: Mapping[str, Any]) -> Assessment:
    """Translate GetExportJob's answer into the next step of the run."""
    status = job["JobStatus"]
    if status == "FAILED":
        told = (job.get("FailureInfo") or {}).get("ErrorMessage") or "SES gives no reason"
        return Assessment(Outcome.FAILURE, f"The export job of SES failed: {told}")
    if status == "CANCELLED":
        return Assessment(Outcome.FAILURE, "The export job of SES was cancelled.")
    if status != "COMPLETED":
        return Assessment(Outcome.WAIT)
    if not (job.get("ExportDestination") or {}).get("S3Url"):
        return Assessment(Outcome.FAILURE, "The export job of SES ended without a report.")
    return Assessment(Outcome.SUCCESS)


def job_continues(job: Mapping[str, Any]) -> bool:
    """Check whether a job that an earlier run made still leads to a report."""
    return assess(job).outcome is not Outcome.FAILURE


def waiting(job_id: str, looks: int, polling: Polling) -> dict[str, Any]:
    """Return a step's answer: look at the job (again) after WaitSeconds."""
    return {
        "Outcome": Outcome.WAIT,
        "JobId": job_id,
        "Attempt": looks,
        "WaitSeconds": polling.wait_seconds(looks),
    }


def failed(reason: str, cause: str) -> dict[str, Any]:
    """Return a step's answer: notify, then fail with this name and this explanation."""
    return {"Outcome": Outcome.FAILURE, "Reason": reason, "Cause": cause}


def console_link(console_url: str, region: str, bucket: str, key: str) -> str:
    """Return the page of the object in the S3 console.

    It is no secret: who follows it signs in, and needs a right to read the object.
    """
    return f"{console_url}/s3/object/{bucket}?{urlencode({'region': region, 'prefix': key})}"
