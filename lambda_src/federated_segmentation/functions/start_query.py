"""The state machine's first step: check the query and start it, once."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config
from botocore.exceptions import ClientError

from federated_segmentation.query_check import InvalidQuery, check_query
from federated_segmentation.request import InvalidRequest, RequestType, request_from
from federated_segmentation.run import as_state, query_refused, request_token
from shared.aws import aws_client
from shared.polling import Polling
from shared.settings import required_env
from shared.transient import transient_errors_named

DATABASE = required_env("DATABASE")
DATABASES = required_env("DATABASES").split(",")
WORKGROUP = required_env("WORKGROUP")
POLLING = Polling(timeout_seconds=60 * int(required_env("QUERY_TIMEOUT_MINUTES")))
CATALOG = "AwsDataCatalog"

logger = Logger(service="federated-segmentation")
athena: Any = aws_client(
    "athena", config=Config(connect_timeout=3, read_timeout=20, retries={"mode": "standard"})
)


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Check the input of a run and start its query, or find the query of an earlier attempt.

    Event: `{Input, ExecutionArn}`. Answer: `{Refused: false, Request, Query: {QueryExecutionId,
    Attempt, WaitSeconds}}`, or `{Refused: true, End}` for an input or a query that is not valid.

    Raises:
        ServiceUnavailable: worth another attempt.
    """
    try:
        request = request_from(event["Input"])
        checked = check_query(
            request.query, mutates=request.type is RequestType.MUTATE, databases=DATABASES
        )
    except (InvalidRequest, InvalidQuery) as problem:
        logger.info("Query refused", extra={"error": type(problem).__name__})
        return {"Refused": True, "End": query_refused(event["Input"], str(problem))}

    try:
        with transient_errors_named():
            query_id = athena.start_query_execution(
                QueryString=request.query,
                ClientRequestToken=request_token(event["ExecutionArn"]),
                QueryExecutionContext={"Database": DATABASE, "Catalog": CATALOG},
                WorkGroup=WORKGROUP,
            )["QueryExecutionId"]
    except ClientError as error:
        reason = _malformed(error)
        if reason is None:
            raise
        logger.info("Query refused by Athena")
        return {"Refused": True, "End": query_refused(event["Input"], reason)}

    logger.info("Query running", extra={"query": query_id, "type": request.type.value})
    return {
        "Refused": False,
        "Request": as_state(request, checked.writes, checked.columns),
        "Query": {
            "QueryExecutionId": query_id,
            "Attempt": 0,
            "WaitSeconds": POLLING.wait_seconds(0),
        },
    }


def _malformed(error: ClientError) -> str | None:
    """Return Athena's reason for refusing the SQL; None for an error of another kind."""
    answer: Any = error.response
    if answer.get("AthenaErrorCode") != "MALFORMED_QUERY":
        return None
    return f"Athena refuses the query: {answer['Error'].get('Message', 'it is malformed')}"
