"""Claims on months: one run at a time exports a month, and no run after it is exported."""

import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from ses_vdm_export.month import instant, timestamp
from shared.claims import Item, take, write

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

__all__ = ["Claim", "ClaimLost", "Claims", "Standing", "standing"]

# Step Functions' execution statuses of a run that may still act.
ALIVE = {"RUNNING", "PENDING_REDRIVE"}


class ClaimLost(RuntimeError):
    """Another run has taken over what this one was doing."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One month of one specification.

    `execution` is the ARN of the run that has it, `job_id` the export job that it made, `report`
    what the notification says once the report is in the bucket.
    """

    key: str
    execution: str
    taken_at: datetime
    job_id: str | None = None
    report: dict[str, Any] | None = None


class Standing(StrEnum):
    """The relation of a claim to a run."""

    OWN = "OWN"
    BUSY = "BUSY"
    DONE = "DONE"
    ABANDONED = "ABANDONED"


def standing(claim: Claim, execution: str, status: str | None) -> Standing:
    """Return the relation of a claim to a run.

    Args:
        status: of the execution that has the claim; None where Step Functions knows it no longer
            (it forgets them after 90 days).

    A run that died between the copy and the notification leaves a report and has not SUCCEEDED:
    the next one tells.
    """
    if claim.execution == execution:
        return Standing.OWN
    if status in ALIVE:
        return Standing.BUSY
    if claim.report is not None and status in {"SUCCEEDED", None}:
        return Standing.DONE
    return Standing.ABANDONED


class Claims:
    """The items `pk = <claim>`, `sk = claim` of a table."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def take(self, key: str, execution: str, now: datetime) -> Claim:
        """Claim a month; return the claim that it has: this run's, or that of an earlier run.

        Raises:
            ClientError, BotoCoreError: DynamoDB did not decide.
        """
        item = {
            **_key(key),
            "execution": {"S": execution},
            "taken_at": {"S": timestamp(now)},
        }
        return _claim(key, take(self._client, self._table, item, holder="execution").item)

    def take_over(self, claim: Claim, execution: str, now: datetime) -> None:
        """Make a claim this run's.

        Raises:
            ClaimLost: it is no longer that of the run it was read of.
        """
        values = {"execution": execution, "taken_at": timestamp(now)}
        self._change(claim.key, claim.execution, values)

    def record_job(self, key: str, execution: str, job_id: str) -> None:
        """Record the export job, so that another run can continue with it."""
        self._change(key, execution, {"job_id": job_id})

    def record_report(self, key: str, execution: str, report: dict[str, Any]) -> None:
        """Record that the report exists, and the content of its notification."""
        self._change(key, execution, {"report": json.dumps(report)})

    def forget_job(self, key: str, execution: str) -> None:
        """Let the next run make a job of its own."""
        self._change(key, execution, {}, remove="job_id")

    def _change(
        self, key: str, holder: str, values: dict[str, str], *, remove: str | None = None
    ) -> None:
        names = {f"#{name}": name for name in [*values, "execution", *([remove] if remove else [])]}
        settings = ", ".join(f"#{name} = :{name}" for name in values)
        change = f"SET {settings}" if settings else f"REMOVE #{remove}"
        written = write(
            self._client.update_item,
            {"execution": {"S": values.get("execution", holder)}},
            TableName=self._table,
            Key=_key(key),
            UpdateExpression=change,
            ConditionExpression="#execution = :holder",
            ExpressionAttributeNames=names,
            ExpressionAttributeValues={
                ":holder": {"S": holder},
                **{f":{name}": {"S": value} for name, value in values.items()},
            },
        )
        if not written.own:
            raise ClaimLost(f"The claim {key} is another run's by now.")


def _key(claim: str) -> dict[str, Any]:
    return {"pk": {"S": claim}, "sk": {"S": "claim"}}


def _claim(key: str, item: Item) -> Claim:
    texts = {name: value["S"] for name, value in item.items()}
    return Claim(
        key=key,
        execution=texts["execution"],
        taken_at=instant(texts["taken_at"]),
        job_id=texts.get("job_id"),
        report=json.loads(texts["report"]) if "report" in texts else None,
    )
