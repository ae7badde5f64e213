"""The product and the local AWS meet at a command line and an endpoint, never in an import."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("lambda_src", "modules", "examples", "tests", "tools", "benchmarks")
PRODUCTS_PACKAGES = {
    *("tests", "tools", "benchmarks", "examples"),
    *(path.name for path in (ROOT / "lambda_src").iterdir() if path.is_dir()),
}


def imported(path: Path) -> Iterator[str]:
    """The top packages that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name.partition(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def test_the_product_does_not_import_the_local_aws() -> None:
    files = [path for top in PRODUCT for path in (ROOT / top).rglob("*.py")]

    assert len(files) > 100
    assert [path for path in files if {"local_aws", "ministack"} & set(imported(path))] == []


def test_the_local_aws_does_not_import_the_product() -> None:
    files = [path for top in ("src", "tests") for path in (ROOT / "local_aws" / top).rglob("*.py")]

    assert len(files) > 100
    assert [path for path in files if PRODUCTS_PACKAGES & set(imported(path))] == []
