"""JSON that a source answers."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, NoReturn

from shared.fetching.failures import FetchFailed, Reason

__all__ = ["read_json"]


def read_json(body: bytes) -> Any:
    """Return the document. A fraction is a Decimal, so that 10.50 keeps its last digit.

    Raises:
        FetchFailed: UNUSABLE_ANSWER, also for NaN, for a number of thousands of digits and for
            thousands of lists inside each other.
    """
    try:
        return json.loads(body or b"null", parse_float=Decimal, parse_constant=_refuse)
    except (ValueError, RecursionError, ArithmeticError) as error:
        raise FetchFailed(Reason.UNUSABLE_ANSWER, "the answer is no readable JSON.") from error


def _refuse(_: str) -> NoReturn:
    raise ValueError
