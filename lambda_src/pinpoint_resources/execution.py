"""Makes the calls of a plan.

An error is raised, never answered: Terraform then fails the apply and shows its message.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from itertools import chain, repeat
from typing import Any

from botocore import xform_name
from botocore.client import BaseClient
from botocore.exceptions import ClientError, ParamValidationError

from pinpoint_resources.calls import BadProperty, Call, Plan, Service
from shared.new_permissions import REFUSAL_CODES, REFUSAL_WAITS_SECONDS
from shared.transient import is_transient

# API Gateway's own 429 has no error code that botocore knows. A hub answers 429 to the deletion of
# a large project as well, until all of it is deleted.
LATER_WAITS_SECONDS = (1, 2, 4, 5)
# The longest call: two attempts, each with its time-outs (see `functions.manage.CONFIG`).
LONGEST_CALL_SECONDS = 75
ABSENT_CODES = frozenset({"NotFoundException", "ResourceNotFoundException"})


def carry_out(
    steps: Plan,
    client_for: Callable[[Service], BaseClient],
    sleep: Callable[[float], None] = time.sleep,
    seconds_left: Callable[[], float] = lambda: 0.0,
) -> dict[str, Any]:
    """Make the calls of a plan one after another.

    A call that is answered "later" is repeated while the function has time for one more.

    Args:
        seconds_left: of the function's time.

    Raises:
        BadProperty: a property is unknown to the API or of the wrong type.
        PinpointResourcesError: the plan found a reason to stop.
        ClientError: the API refused a call, after retries.
    """
    answer: Mapping[str, Any] | None = None
    try:
        call = next(steps)
        while True:
            answer = _make(call, client_for(call.service), sleep, seconds_left)
            call = steps.send(answer)
    except StopIteration as end:
        result: dict[str, Any] = end.value
        return result


def _make(
    call: Call,
    api: BaseClient,
    sleep: Callable[[float], None],
    seconds_left: Callable[[], float],
) -> Mapping[str, Any] | None:
    waits = iter(REFUSAL_WAITS_SECONDS)
    later = chain(LATER_WAITS_SECONDS, repeat(LATER_WAITS_SECONDS[-1]))
    while True:
        try:
            answer: Mapping[str, Any] = getattr(api, xform_name(call.operation))(**call.parameters)
            return answer
        except ParamValidationError as error:
            raise BadProperty(f"{call.operation}: {error}") from error
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if call.absent_ok and code in ABSENT_CODES:
                return None
            if code in REFUSAL_CODES:
                wait = next(waits, None)
            elif is_transient(error) and seconds_left() > LONGEST_CALL_SECONDS:
                wait = next(later)
            else:
                wait = None
            if wait is None:
                raise
            sleep(wait)
