"""Measured work: ``make bench`` runs every ``bench_*.py`` and writes ``results/*.json``.

To add a benchmark, add ``bench_<name>.py`` with

- ``run()``, which returns its figures by name, nested if that reads better, and beside them the
  numbers they were measured with (``rows``, ``threads``);
- ``FIGURES``, which describes each figure in words for benchmarks/README.md::

      FIGURES = {
          "rows_per_second": Figure("Rows of a file of {rows:,} parsed", "rows/s", at_least=50_000),
          "requests.get.p*": Figure("GetEndpoint, handled in process", "ms"),
      }

A key is the path of a figure, joined by dots. A ``*`` in it takes several figures into one row,
each named by the text that the ``*`` matches; where two keys fit, the first counts. A number
named in braces comes from the same result. ``headline=True`` shows a figure in the root README;
there are at most eight, and each has a goal. Then ``make bench BENCH=<name>`` and ``make docs``.
``make bench`` refuses a result with a number that no figure describes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from string import Formatter
from typing import Any

REPEATS = "repeats"  # the README names it once, for all figures
MACHINE_UNITS = (
    "s",
    "ms",
    "hours",
    "USD",
)  # a price holds the time of a function; a rate ends with "/s"


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured quantity: its description, its unit, and the project's goal, if any."""

    measured: str
    unit: str
    at_least: float | None = None
    at_most: float | None = None
    headline: bool = False

    @property
    def has_goal(self) -> bool:
        """Say whether the project has a goal for the figure."""
        return self.at_least is not None or self.at_most is not None

    @property
    def depends_on_the_machine(self) -> bool:
        """Say whether another machine measures another value: times, rates and prices do."""
        return self.unit in MACHINE_UNITS or self.unit.endswith("/s")

    def meets_goal(self, value: float) -> bool:
        """Compare a value with the goal; without a goal every value meets it."""
        return (self.at_least is None or value >= self.at_least) and (
            self.at_most is None or value <= self.at_most
        )

    def sentence(self, numbers: Mapping[str, float]) -> str:
        """Fill the numbers of the result into `measured`; an ellipsis replaces a missing one."""
        if self.conditions() <= set(numbers):
            return self.measured.format_map(numbers)
        return re.sub(r"\{.*?\}", "…", self.measured)

    def conditions(self) -> set[str]:
        """List the names in braces."""
        return {name for _, name, _, _ in Formatter().parse(self.measured) if name}


def numbers_of(result: Mapping[str, Any], above: str = "") -> dict[str, float]:
    """Map the paths of a result to its numbers; other values are left out."""
    found: dict[str, float] = {}
    for key, value in result.items():
        if isinstance(value, dict):
            found |= numbers_of(value, f"{above}{key}.")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            found[f"{above}{key}"] = value
    return found


def described(
    numbers: Mapping[str, float], figures: Mapping[str, Figure]
) -> dict[str, dict[str, float]]:
    """Map each key of `figures` to the numbers it describes, by the text that ``*`` matches."""
    rows: dict[str, dict[str, float]] = {key: {} for key in figures}
    for path, value in numbers.items():
        for key in figures:
            match = re.fullmatch(re.escape(key).replace(r"\*", "(.+)"), path)
            if match:
                rows[key][match[1] if match.lastindex else path] = value
                break
    return rows


def undescribed(result: Mapping[str, Any], figures: Mapping[str, Figure]) -> list[str]:
    """List the paths of numbers that no figure describes and no sentence names."""
    numbers = numbers_of(result)
    named = {REPEATS}.union(*(figure.conditions() for figure in figures.values()))
    rest = {path: value for path, value in numbers.items() if path not in named}
    return [path for path in rest if not any(described({path: 0.0}, figures).values())]
