"""The names of Trino's functions; whatever else DuckDB knows is not registered on Athena.

``functions.txt`` has them after Trino's documentation, "List of functions and operators" (engine
version 3), and below them the other words that parentheses may follow.
"""

from __future__ import annotations

from pathlib import Path

TRINO_FUNCTIONS = frozenset(Path(__file__).with_name("functions.txt").read_text("utf-8").split())
