"""Compares the tables with the project, and writes the files that Athena reads.

Terraform invokes the function when the module is created, and a schedule from then on.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from botocore.config import Config

from campaign_journey_segment_db.entities import Kind
from campaign_journey_segment_db.export import Export
from campaign_journey_segment_db.project import Project
from campaign_journey_segment_db.reconciliation import reconcile
from campaign_journey_segment_db.tables import NameTables
from shared.aws import aws_client
from shared.instants import iso
from shared.new_permissions import once_permitted
from shared.pinpoint import pinpoint_client
from shared.settings import optional_env, required_env

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

_CLIENT = Config(connect_timeout=3, read_timeout=10, retries={"mode": "standard"})

logger = Logger(service="campaign-journey-segment-db")
project = Project(pinpoint_client(), required_env("PROJECT_ID"))
tables = NameTables(
    aws_client("dynamodb", config=_CLIENT),
    campaigns=required_env("CAMPAIGNS_TABLE"),
    segments=required_env("SEGMENTS_TABLE"),
)
_bucket = optional_env("EXPORT_BUCKET")
export = (
    None
    if _bucket is None
    else Export(aws_client("s3", config=_CLIENT), _bucket, required_env("EXPORT_PREFIX"))
)


def now() -> str:
    return iso(datetime.now(UTC))


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Reconcile and export.

    Returns:
        `{Added, Changed, Deleted, Unchanged, Contradicted, Exported: {table: rows}}`.

    Raises:
        OutOfTime: rows that are written stay, and the next run goes on.
        ClientError: a service refused or failed; a refusal only after 15 seconds, in which the
            policy of the function can be new.
    """
    answer = once_permitted(lambda: _run(context))
    logger.info("Reconciled", extra=answer)
    return answer


def _run(context: LambdaContext) -> dict[str, Any]:
    report = reconcile(
        project,
        tables,
        now=now,
        seconds_left=lambda: context.get_remaining_time_in_millis() / 1000,
    ).as_answer()
    exported = {}
    if export is not None:
        exported = {
            "campaigns_and_journeys": export.write(
                "campaigns_and_journeys", tables.rows(Kind.CAMPAIGN)
            ),
            "segments": export.write("segments", tables.rows(Kind.SEGMENT)),
        }
    return {**report, "Exported": exported}
