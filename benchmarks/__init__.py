"""Measured work: ``make bench`` runs every ``bench_*.py`` and writes ``results/*.json``.

To add a benchmark, add ``bench_<name>.py`` with

- ``run()``, which returns its figures by name, nested if that reads better, and beside them the
  numbers they were measured with (``rows``, ``threads``);
- ``FIGURES``, which says of each figure what was measured, in words for the README::

      FIGURES = {
          "rows_per_second": Figure("Rows of a file of {rows:,} parsed", "rows/s", at_least=50_000),
          "requests.get.p*": Figure("GetEndpoint, handled in process", "ms"),
      }

A key is the path of a figure, joined by dots. A ``*`` in it takes several figures into one row,
each called what the ``*`` stands for; where two keys fit, the first counts. A number named in
braces comes from the same result. Then ``make bench BENCH=<name>`` and ``make docs``.
``make bench`` writes no result that has a number without words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from string import Formatter
from typing import Any

REPEATS = "repeats"  # what the README says once for all


@dataclass(frozen=True, slots=True)
class Figure:
    """What was measured, in which unit, and what the project wants of it, if anything."""

    measured: str
    unit: str
    at_least: float | None = None
    at_most: float | None = None

    def meets_goal(self, value: float) -> bool:
        """True also where there is no goal."""
        return (self.at_least is None or value >= self.at_least) and (
            self.at_most is None or value <= self.at_most
        )

    def sentence(self, numbers: Mapping[str, float]) -> str:
        """`measured`, with the numbers of the result; an ellipsis for one it does not have."""
        if self.conditions() <= set(numbers):
            return self.measured.format_map(numbers)
        return re.sub(r"\{.*?\}", "…", self.measured)

    def conditions(self) -> set[str]:
        """The names in braces."""
        return {name for _, name, _, _ in Formatter().parse(self.measured) if name}


def numbers_of(result: Mapping[str, Any], above: str = "") -> dict[str, float]:
    """The numbers of a result by their paths, without whatever else it holds."""
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
    """For each key of `figures` the numbers it describes, by what its ``*`` stands for."""
    rows: dict[str, dict[str, float]] = {key: {} for key in figures}
    for path, value in numbers.items():
        for key in figures:
            match = re.fullmatch(re.escape(key).replace(r"\*", "(.+)"), path)
            if match:
                rows[key][match[1] if match.lastindex else path] = value
                break
    return rows


def undescribed(result: Mapping[str, Any], figures: Mapping[str, Figure]) -> list[str]:
    """The paths of the numbers that no figure describes and no sentence names."""
    numbers = numbers_of(result)
    named = {REPEATS}.union(*(figure.conditions() for figure in figures.values()))
    rest = {path: value for path, value in numbers.items() if path not in named}
    return [path for path in rest if not any(described({path: 0.0}, figures).values())]
