"""Answers a request of the API: its operation, or the error that refuses it."""

from typing import Any

from aws_lambda_powertools import Logger

from engagement_hub.api.operations import offered
from engagement_hub.api.wire import Call, answer, read_call, refusal, request_id_of
from engagement_hub.engagement.errors import EngagementError, InternalServerError
from engagement_hub.hub import Hub

logger = Logger(service="engagement-hub")


def respond(hub: Hub, event: dict[str, Any]) -> dict[str, Any]:
    """Answer one request. Whatever goes wrong is answered with one of the API's errors."""
    request_id = request_id_of(event)
    operation = None
    try:
        operations = offered(hub)
        call = read_call(event, operations)
        operation = call.operation
        if "application-id" in call.labels:
            _check_project(hub, call)
        response = answer(call, operations[call.operation](hub, call))
    except EngagementError as error:
        logger.info(
            "refused",
            operation=operation,
            request_id=request_id,
            error_type=error.code,
            status=error.status,
        )
        return refusal(error, request_id)
    except Exception as error:
        # The client learns that it was our fault, and nothing else. The log has the place but not
        # the text of the error: texts of AWS errors quote what was sent.
        logger.error(
            "failed",
            operation=operation,
            request_id=request_id,
            error_type=type(error).__name__,
            error_code=_code(error),
            at=_place(error),
        )
        return refusal(
            InternalServerError(
                f"The hub failed to answer. Its log has the reason under request id {request_id}."
            ),
            request_id,
        )
    logger.info("answered", operation=operation, request_id=request_id)
    return response


def _check_project(hub: Hub, call: Call) -> None:
    if call.operation == "DeleteApp":
        hub.forget_project(call.app_id)  # requests after this one must not find it
    else:
        hub.require_project(call.app_id)


def _code(error: Exception) -> str | None:
    response = getattr(error, "response", None)
    return response.get("Error", {}).get("Code") if isinstance(response, dict) else None


def _place(error: Exception) -> str:
    trace = error.__traceback__
    places = []
    while trace is not None:
        code = trace.tb_frame.f_code
        places.append(f"{code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return " > ".join(places[-6:])
