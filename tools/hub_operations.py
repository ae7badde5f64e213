"""The table of the API's operations in the README of engagement_hub, made from botocore's model."""

from __future__ import annotations

import sys
from collections import Counter

from botocore.session import get_session

from tools import terraform_run

STATES = ("answered", "forwarded", "refused")


def states() -> dict[str, tuple[str, str]]:
    """Return each operation of botocore's model with its state and what there is to say about it.

    Raises:
        KeyError: a refused operation has no reason.
    """
    folder = str(terraform_run.ROOT / "lambda_src")
    if folder not in sys.path:
        sys.path.insert(0, folder)
    from engagement_hub.api.operations import FORWARDED, OPERATIONS, PARTLY_FORWARDED
    from engagement_hub.engagement.errors import REFUSALS

    found = {}
    for name in get_session().get_service_model("pinpoint").operation_names:
        if name in OPERATIONS:
            found[name] = "answered", PARTLY_FORWARDED.get(name, "")
        elif name in FORWARDED:
            found[name] = "forwarded", "where `forward` names it, refused otherwise"
        else:
            found[name] = "refused", REFUSALS[name]
    return found


def table() -> str:
    """Write the table of all operations, with the number of each state before it."""
    rows = states()
    counts = Counter(state for state, _ in rows.values())
    numbers = ", ".join(f"{counts[state]} {state}" for state in STATES)
    model = get_session().get_service_model("pinpoint")
    lines = [
        f"{len(rows)} operations: {numbers}.",
        "",
        "<details><summary>All operations</summary>",
        "",
        "| Operation | Request | State | Remark |",
        "|---|---|---|---|",
    ]
    for name, (state, remark) in sorted(rows.items()):
        http = model.operation_model(name).http
        lines.append(f"| {name} | `{http['method']} {http['requestUri']}` | {state} | {remark} |")
    return "\n".join([*lines, "", "</details>"])
