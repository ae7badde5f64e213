"""The state machine's first step: the journeys of a run."""

from datetime import datetime
from itertools import islice
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from journey_copy.refusals import refusals_named
from journey_copy.report_store import report_key
from journey_copy.request import MOST_JOURNEYS, copy_request, too_many
from journey_copy.sides import Access, source_side
from shared.transient import transient_errors_named

logger = Logger(service="journey-copy")
source = Access(source_side())


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Check the input of a run, and list the journeys to copy.

    Event: `{Input, RunId, Started: ISO 8601}`; answer: `{JourneyIds, DryRun, ReportKey}`.

    Raises:
        BadCopyRequest: the input names no journeys.
        AccessRefused: the source refused the function's role.
        ServiceUnavailable: worth another attempt.
    """
    request = copy_request(event["Input"])
    journey_ids = request.journey_ids
    if journey_ids is None:
        with refusals_named(), transient_errors_named():
            listed = source.project().journeys()
            journey_ids = tuple(str(j["Id"]) for j in islice(listed, MOST_JOURNEYS + 1))
        if len(journey_ids) > MOST_JOURNEYS:
            raise too_many(len(journey_ids))

    logger.info("Copy planned", extra={"journeys": len(journey_ids), "dry_run": request.dry_run})
    return {
        "JourneyIds": list(journey_ids),
        "DryRun": request.dry_run,
        "ReportKey": report_key(event["RunId"], datetime.fromisoformat(event["Started"])),
    }
