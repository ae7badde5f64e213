"""The state machine's last step: the report of a run."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from journey_copy.outcome import Outcome, Result, failure_reason, report
from journey_copy.report_store import ReportStore
from journey_copy.sides import source_side, target_side
from shared.aws import aws_client
from shared.settings import required_env
from shared.transient import transient_errors_named

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

logger = Logger(service="journey-copy")
_source, _target = source_side(), target_side()
_s3: "S3Client" = aws_client(
    "s3", config=Config(connect_timeout=3, read_timeout=10, retries={"mode": "standard"})
)
store = ReportStore(_s3, required_env("BUCKET"))


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Put the entries of the journeys together and write the report.

    Event: `{RunId, CorrelationId, Started, DryRun, ReportKey, Results: [{SourceJourneyId, Result,
    Error?}]}`; answer: `{Counts, Copies: {source id: target id}, FailureReason: text or null,
    Bucket, Key}`.

    Raises:
        ServiceUnavailable: worth another attempt.
    """
    dry_run = event["DryRun"]
    with transient_errors_named():
        entries = [_entry(event["RunId"], result) for result in event["Results"]]
        whole = report(
            entries,
            RunId=event["RunId"],
            CorrelationId=event["CorrelationId"],
            DryRun=dry_run,
            Started=event["Started"],
            Ended=datetime.now(UTC).isoformat(timespec="seconds"),
            From={"ProjectId": _source.project_id, "Region": _source.region},
            To={"ProjectId": _target.project_id, "Region": _target.region},
        )
        store.write(event["ReportKey"], whole)

    logger.info("Report written", extra={"counts": whole["Counts"], "key": event["ReportKey"]})
    return {
        "Counts": whole["Counts"],
        "Copies": {
            entry["SourceJourneyId"]: entry["TargetJourneyId"]
            for entry in entries
            if entry.get("TargetJourneyId")
        },
        "FailureReason": failure_reason(entries, len(entries), dry_run=dry_run),
        "Bucket": store.bucket,
        "Key": event["ReportKey"],
    }


def _entry(run_id: str, result: dict[str, Any]) -> dict[str, Any]:
    """Return a journey's entry; the state machine's error where the function died."""
    journey_id = result["SourceJourneyId"]
    kept = store.journey(run_id, journey_id)
    if "Error" not in result and kept is not None:
        return kept
    problems = [] if kept is None else list(kept["Problems"])
    error = result.get("Error", "NoEntry")
    if not any(problem.startswith(error) for problem in problems):
        problems.insert(0, f"{error}: the step ended without an answer; see the execution.")
    return Outcome(journey_id, Result.FAILED, problems=problems).to_json()
