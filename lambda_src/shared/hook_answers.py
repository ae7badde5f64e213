"""Answer of a FILTER hook: the endpoints themselves, by id, with the attributes of this run.

An endpoint that is left out gets no message. Nothing but attributes is changed: a campaign takes
the address, channel, user and consent from its own store.

Source: Pinpoint developer guide, "Customizing segments using an AWS Lambda function"; "Endpoint
quotas" for the sizes; Lambda developer guide, "Lambda quotas" for the answer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = [
    "ATTRIBUTES_PER_ENDPOINT",
    "MAX_ANSWER_BYTES",
    "NAME_CHARACTERS",
    "STORED_VALUE_CHARACTERS",
    "VALUES_PER_ATTRIBUTE",
    "AnswerTooLarge",
    "TooManyAttributes",
    "hook_answer",
    "with_attributes",
]

# Limits of an endpoint that is stored. AWS does not say whether they hold for an answer.
NAME_CHARACTERS = 50
STORED_VALUE_CHARACTERS = 100
VALUES_PER_ATTRIBUTE = 50
ATTRIBUTES_PER_ENDPOINT = 250
MAX_ANSWER_BYTES = 6_291_456  # of a synchronous invocation


class AnswerTooLarge(Exception):
    """The endpoints with their attributes do not fit into the answer of a function."""


class TooManyAttributes(Exception):
    """An endpoint would have more attributes than an endpoint can have."""


def with_attributes(
    endpoint: Mapping[str, Any], attributes: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    """Return an endpoint with more attributes; its own stay, unless one of the same name is given.

    Raises:
        TooManyAttributes: it would have more than 250.
    """
    own = endpoint.get("Attributes")
    together = dict(own) if isinstance(own, Mapping) else {}
    together.update({name: list(values) for name, values in attributes.items()})
    if len(together) > ATTRIBUTES_PER_ENDPOINT:
        raise TooManyAttributes(
            f"An endpoint has at most {ATTRIBUTES_PER_ENDPOINT} attributes, not {len(together)}."
        )
    return {**endpoint, "Attributes": together}


def hook_answer(endpoints: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the answer for these endpoints.

    Half of a surrogate pair, which the runtime cannot write, becomes a question mark: otherwise one
    endpoint with a broken text would fail the call of 50.

    Raises:
        AnswerTooLarge: it has more than 6 MB, which Lambda refuses with an error of its own.
    """
    answer = {endpoint_id: dict(endpoint) for endpoint_id, endpoint in endpoints.items()}
    # The runtime writes an answer without escapes since Python 3.12.
    text = json.dumps(answer, ensure_ascii=False)
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        whole = text.encode(errors="replace")
        answer, size = json.loads(whole), len(whole)
    if size > MAX_ANSWER_BYTES:
        raise AnswerTooLarge(
            f"The answer for {len(answer)} endpoints has {size:,} bytes, and Lambda returns at "
            f"most {MAX_ANSWER_BYTES:,}. Use shorter or fewer attributes."
        )
    return answer
