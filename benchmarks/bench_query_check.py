"""Measure the check of queries by federated_segmentation, and the load of its parser."""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import Figure

sys.path.insert(0, str(Path(__file__).parents[1] / "lambda_src"))

from federated_segmentation.query_check import InvalidQuery, check_query

REPEATS = 5
CHECKS = 200
ATTRIBUTES = 12
FIGURES = {
    "comma_first_refused": Figure(
        "CPU time to check a query of {attributes} attributes and one column that no import takes, "
        "comma first: the original took more than a minute for 10",
        "ms",
        at_most=5,
    ),
    "comma_first_taken": Figure(
        "CPU time to check the same query without that column", "ms", at_most=5
    ),
    "large": Figure(
        "CPU time to check a query with a list of {large_values:,} values, 200 kB", "ms"
    ),
    "load_parser": Figure(
        "CPU time to load the parser of queries, once for each cold start of the function", "ms"
    ),
}
LARGE_VALUES = 16_000


def _query(last: str) -> str:
    columns = "\n".join(f'    , column_{n} AS "Attributes.Name{n}"' for n in range(ATTRIBUTES))
    return f'SELECT endpoint_id AS "Id"\n{columns}\n{last}FROM people'


def _milliseconds(work: Callable[[], object], times: int) -> float:
    rounds = []
    for _ in range(REPEATS):
        started = time.process_time()
        for _ in range(times):
            work()
        rounds.append((time.process_time() - started) / times * 1000)
    return round(statistics.median(rounds), 2)


def _check(sql: str) -> None:
    check_query(sql, mutates=False, databases=("shop",))


def _refuse(sql: str) -> None:
    try:
        _check(sql)
    except InvalidQuery as problem:
        assert "column_x" in str(problem) or "Wrong" in str(problem)
    else:
        raise AssertionError("The query must be refused.")


def _load_parser() -> float:
    """Return the median CPU time of the import in processes of their own."""
    program = (
        "import time; started = time.process_time(); import sqlglot.dialects.athena; "
        "print((time.process_time() - started) * 1000)"
    )
    runs = [
        float(
            subprocess.run([sys.executable, "-c", program], check=True, capture_output=True).stdout
        )
        for _ in range(REPEATS)
    ]
    return round(statistics.median(runs), 1)


def run() -> dict[str, Any]:
    """Return the medians of five rounds, in milliseconds of CPU time."""
    values = ", ".join(f"'value-{n}'" for n in range(LARGE_VALUES))
    taken, refused = _query(""), _query("    , column_x AS Wrong\n")
    large = f'SELECT endpoint_id AS "Id" FROM people WHERE city IN ({values})'
    _check(taken)  # loads the parser
    return {
        "repeats": REPEATS,
        "attributes": ATTRIBUTES,
        "large_values": LARGE_VALUES,
        "comma_first_refused": _milliseconds(lambda: _refuse(refused), CHECKS),
        "comma_first_taken": _milliseconds(lambda: _check(taken), CHECKS),
        "large": _milliseconds(lambda: _check(large), 1),
        "load_parser": _load_parser(),
    }


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
