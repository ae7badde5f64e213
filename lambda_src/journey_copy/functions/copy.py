"""The state machine's repeated step: copy one journey, or find out what a copy would create."""

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config
from botocore.exceptions import ClientError, ParamValidationError

from journey_copy.copier import Copier, TemplateOverwritten
from journey_copy.mapping import AnotherCopyUnderWay, Mapping
from journey_copy.outcome import Outcome, Result
from journey_copy.refusals import AccessRefused, refusals_named
from journey_copy.report_store import ReportStore
from journey_copy.sides import Access, pair, setting, source_side, target_side
from journey_copy.substitutes import Substitutes
from shared.aws import aws_client
from shared.settings import required_env
from shared.transient import ServiceUnavailable, transient_errors_named

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

USUAL = Config(connect_timeout=3, read_timeout=10, retries={"mode": "standard"})

logger = Logger(service="journey-copy")
_source_side, _target_side = source_side(), target_side()
source, target = Access(_source_side), Access(_target_side)
_dynamodb: "DynamoDBClient" = aws_client("dynamodb", config=USUAL)
_s3: "S3Client" = aws_client("s3", config=USUAL)
mapping = Mapping(_dynamodb, required_env("TABLE"), pair(_source_side, _target_side))
store = ReportStore(_s3, required_env("BUCKET"))


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Copy a journey and write its entry of the report.

    Event: `{JourneyId, RunId, DryRun}`; answer: `{SourceJourneyId, Result}`.

    Raises:
        AccessRefused: the source or the target refused the function's role.
        AnotherCopyUnderWay: another attempt is creating a resource of this copy.
        ServiceUnavailable: worth another attempt.
        TemplateOverwritten: another author changed a template during the copy.
    """
    run_id, journey_id = event["RunId"], event["JourneyId"]
    try:
        with refusals_named(), transient_errors_named():
            outcome = _copy(journey_id, dry_run=event["DryRun"])
    # The last attempt's error is the journey's entry in the report.
    except (
        AccessRefused,
        AnotherCopyUnderWay,
        ServiceUnavailable,
        TemplateOverwritten,
    ) as error:
        _keep(run_id, _failed(journey_id, f"{type(error).__name__}: {error}"))
        raise
    except ClientError as error:
        text = f"ClientError: {error.operation_name} answered {error.response['Error']['Code']}."
        _keep(run_id, _failed(journey_id, text))
        raise
    with transient_errors_named():
        _keep(run_id, outcome)
    logger.info("Journey done", extra={"journey": journey_id, "result": outcome.result})
    return {"SourceJourneyId": journey_id, "Result": outcome.result}


def _copy(journey_id: str, *, dry_run: bool) -> Outcome:
    copier = Copier(
        source.project(),
        target.project(),
        mapping,
        Substitutes.from_json(store.substitutes()),
        setting(_source_side, _target_side),
    )
    with transient_errors_named():
        try:
            return copier.copy(journey_id, dry_run=dry_run)
        except ParamValidationError as error:
            return _failed(journey_id, f"The API knows no such request: {error}")
        except ClientError as error:
            if not _is_the_apis_no(error):
                raise
            answer = error.response["Error"]
            text = f"{error.operation_name} answered {answer['Code']}: {answer.get('Message')}"
            return _failed(journey_id, text)


def _is_the_apis_no(error: ClientError) -> bool:
    """Check whether the Pinpoint API refused the content of a request."""
    return error.response["Error"]["Code"] in (
        "BadRequestException",
        "ConflictException",
        "MethodNotAllowedException",
        "NotFoundException",
        "PayloadTooLargeException",
    )


def _failed(journey_id: str, problem: str) -> Outcome:
    return Outcome(journey_id, Result.FAILED, problems=[problem])


def _keep(run_id: str, outcome: Outcome) -> None:
    store.keep_journey(run_id, outcome.source_id, outcome.to_json())
