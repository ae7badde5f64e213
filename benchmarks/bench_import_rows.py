"""Measure the rows of an import that one core parses and validates in a second."""

import io
import json
import sys
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from benchmarks import Figure

sys.path.insert(0, str(Path(__file__).parent.parent / "lambda_src"))

from engagement_hub.engagement.import_rows import ImportRow, read_rows  # noqa: E402 - path first

ROWS = 50_000
REPEATS = 5
FIGURES = {
    f"{format}_rows_per_second": Figure(
        f"Rows of a {format.upper()} file of {{rows:,}} people parsed and checked, on one core",
        "rows/s",
        at_least=50_000,
    )
    for format in ("csv", "json")
}


def typical_csv(rows: int) -> bytes:
    """Write rows of six usual columns; every tenth name needs quotes, every third is not ASCII."""
    lines = [
        "ChannelType,Address,User.UserId,User.UserAttributes.FirstName,Attributes.Plan,Location.Country"
    ]
    for number in range(rows):
        name = '"Ann, Mary"' if number % 10 == 0 else "José" if number % 3 == 0 else "John"
        lines.append(f"SMS,+1206555{number:07d},user-{number},{name},gold,US")
    return ("\r\n".join(lines) + "\r\n").encode()


def typical_json(rows: int) -> bytes:
    """Write the same people as JSON lines."""
    return "".join(
        json.dumps(
            {
                "ChannelType": "SMS",
                "Address": f"+1206555{number:07d}",
                "User": {"UserId": f"user-{number}", "UserAttributes": {"FirstName": ["John"]}},
                "Attributes": {"Plan": ["gold"]},
                "Location": {"Country": "US"},
            }
        )
        + "\n"
        for number in range(rows)
    ).encode()


def rate(content: bytes, format: str) -> float:
    """Return the median rows per second over the repeats."""
    seconds = []
    for _ in range(REPEATS):
        start = perf_counter()
        good = sum(
            isinstance(row, ImportRow)
            for row in read_rows(io.BytesIO(content), format, name="people")
        )
        seconds.append(perf_counter() - start)
        assert good == ROWS
    return ROWS / median(seconds)


def run() -> dict[str, Any]:
    """Return rows per second and core, by format."""
    return {
        "repeats": REPEATS,
        "rows": ROWS,
        "csv_rows_per_second": round(rate(typical_csv(ROWS), "CSV")),
        "json_rows_per_second": round(rate(typical_json(ROWS), "JSON")),
    }


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
