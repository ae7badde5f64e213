"""The state machine's repeated step: look at the query, and stop it when it takes too long."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from federated_segmentation.run import QueryState, query_ended, query_facts
from shared.aws import aws_client
from shared.polling import Polling
from shared.settings import required_env
from shared.transient import transient_errors_named

POLLING = Polling(timeout_seconds=60 * int(required_env("QUERY_TIMEOUT_MINUTES")))

logger = Logger(service="federated-segmentation")
athena: Any = aws_client(
    "athena", config=Config(connect_timeout=3, read_timeout=15, retries={"mode": "standard"})
)


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Look at the query of a run.

    Event: `Query` of the first step, or the answer of an earlier look. Answer: `{State: RUNNING,
    QueryExecutionId, Attempt, WaitSeconds}`, `{State: SUCCEEDED, QueryExecutionId,
    DataScannedInBytes, OutputLocation}`, or `{State: ENDED, End}`.

    Raises:
        ServiceUnavailable: worth another attempt.
    """
    query_id = event["QueryExecutionId"]
    looks = event["Attempt"] + 1
    with transient_errors_named():
        query, state = _look(query_id)
        stopped = state in (QueryState.QUEUED, QueryState.RUNNING) and POLLING.exhausted(looks)
        if stopped:
            athena.stop_query_execution(QueryExecutionId=query_id)
            query, state = _look(query_id)  # it may have ended before it was stopped

    if state is QueryState.SUCCEEDED:
        return {"State": state.value, **query_facts(query)}
    if stopped:
        logger.info("Query stopped", extra={"query": query_id})
        reason = (
            f"The query was not done after {POLLING.timeout_seconds // 60} minutes "
            "(timeouts.query_minutes), and was stopped."
        )
        return {"State": "ENDED", "End": query_ended(QueryState.TIMED_OUT, query, reason)}
    if state in (QueryState.FAILED, QueryState.CANCELLED):
        logger.info("Query ended", extra={"query": query_id, "state": state.value})
        reason = query["Status"].get("StateChangeReason") or f"Athena reports {state.value}."
        return {"State": "ENDED", "End": query_ended(state, query, reason)}
    return {
        "State": QueryState.RUNNING.value,
        "QueryExecutionId": query_id,
        "Attempt": looks,
        "WaitSeconds": POLLING.wait_seconds(looks),
    }


def _look(query_id: str) -> tuple[Any, QueryState]:
    query = athena.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]
    return query, QueryState(query["Status"]["State"])
