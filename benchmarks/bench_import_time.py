"""Measure the import time of every function of the packages in dist/, with its clients, in ms.

Each module of lambda_src/<architecture>/functions is imported in a fresh interpreter from its
unpacked zip, beside the boto3 of this environment, with the variables that it asks for set to
placeholders. Median of five; the interpreter's own start is taken off. For comparison, botocore's
import with one client is measured alone, without `shared.cold_start`.

The size of a package does not show in these figures: Python reads the files that it imports, and
no others. The size matters to Lambda before that, which fetches and unpacks a package. With whole
libraries a package has 3.9-5.2 MB; with only the imported modules of them it has 0.6-2.0 MB.
Unpacking took 20-37 ms against 4-7 ms where only Powertools is in it, and 80-86 ms against 38-50 ms
with the time zones or the phone number metadata beside it; the import of five functions differed by
less than two runs of the same package did (Linux x86_64, 2 cores under load, Python 3.11.7,
2026-11-28, local disk; no figure of Lambda itself).
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks import Figure
from tests.builders import packages

REPEATS = 5
ALONE = "botocore_and_one_client_alone_ms"
FIGURES = {
    ALONE: Figure("Import of botocore and a client of Step Functions alone, for comparison", "ms"),
    "*_ms": Figure(
        "Import of a function's package and creation of its AWS clients, in a fresh interpreter",
        "ms",
        at_most=190,
        headline=True,
    ),
}
PROGRAM = """
import sys, time


start = time.perf_counter()
exec(sys.argv[1])
print((time.perf_counter() - start) * 1000)
"""
CLIENT_ALONE = (
    "import botocore.session as b; b.get_session().create_client('stepfunctions', 'us-east-1')"
)


def measure(statement: str, folder: str, environ: Mapping[str, str]) -> float:
    """Return the median time of a statement in a fresh interpreter, in ms.

    Args:
        folder: where packages are imported from.
    """
    environ = {**environ, "PATH": os.environ["PATH"], "PYTHONPATH": folder}
    environ.pop("PYTHONDONTWRITEBYTECODE", None)
    times = []
    for _ in range(REPEATS + 1):  # the first compiles and is left out
        run = subprocess.run(
            [sys.executable, "-c", PROGRAM, statement],
            env=environ,
            check=True,
            capture_output=True,
            text=True,
        )
        times.append(float(run.stdout))
    return round(statistics.median(times[1:]), 1)


def measure_handler(handler: str, package: Path) -> float:
    with tempfile.TemporaryDirectory() as folder:
        packages.unpack(package, Path(folder))
        environ = packages.settings(Path(folder), handler.split(".")[0])
        return measure(f"import {handler}", folder, environ)


def run() -> dict[str, Any]:
    alone = {ALONE: measure(CLIENT_ALONE, "", {})}
    return alone | {
        f"{handler}_ms": measure_handler(handler, package)
        for handler, package in packages.functions().items()
    }


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
