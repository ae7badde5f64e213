"""Import time of every function of the packages in dist/, in ms, with the client that it makes.

Each handler named in a module's Terraform is imported in a fresh interpreter from its unpacked
zip, beside the boto3 of this environment, with the variables that it asks for set to
placeholders. Median of five; the interpreter's own start is taken off.
"""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from benchmarks import Figure

ROOT = Path(__file__).resolve().parent.parent
REPEATS = 5
FIGURES = {
    "*_ms": Figure(
        "Import of a function's package with the AWS clients it makes, in a fresh interpreter",
        "ms",
        at_most=190,
    )
}
PROGRAM = """
import importlib, sys, time


start = time.perf_counter()
importlib.import_module(sys.argv[1])
print((time.perf_counter() - start) * 1000)
"""


def handlers() -> dict[str, Path]:
    """Module of each handler named in the Terraform of modules/ → the zip that holds it."""
    terraform = "".join(path.read_text() for path in (ROOT / "modules").rglob("*.tf"))
    packages = {package.stem: package for package in (ROOT / "dist").glob("*.zip")}
    # A module with several steps may leave the function's name to for_each.
    named = re.findall(
        rf'"((?:{"|".join(packages)})(?:\.\w+)+)\.(?:\w+|\$\{{each\.key\}})"', terraform
    )
    return {handler: packages[handler.split(".")[0]] for handler in sorted(set(named))}


def settings(source: Path) -> set[str]:
    """The names of the variables that a package may ask for."""
    text = "".join(path.read_text() for path in source.rglob("*.py"))
    return set(re.findall(r'"([A-Z][A-Z0-9_]+)"', text))


def measure(handler: str, package: Path) -> float:
    """Median import time of one handler, in ms."""
    with tempfile.TemporaryDirectory() as folder:
        zipfile.ZipFile(package).extractall(folder)
        wanted = settings(ROOT / "lambda_src" / handler.split(".")[0])
        environ = {
            **{name: "1" for name in wanted if not name.startswith("AWS_")},
            "PATH": os.environ["PATH"],
            "PYTHONPATH": folder,
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "bench",
            "AWS_SECRET_ACCESS_KEY": "bench",
            "POWERTOOLS_METRICS_NAMESPACE": "bench",
            "POWERTOOLS_SERVICE_NAME": "bench",
        }
        times = []
        for _ in range(REPEATS + 1):  # the first compiles and is left out
            run = subprocess.run(
                [sys.executable, "-c", PROGRAM, handler],
                env=environ,
                check=True,
                capture_output=True,
                text=True,
            )
            times.append(float(run.stdout))
        return round(statistics.median(times[1:]), 1)


def run() -> dict[str, Any]:
    return {f"{handler}_ms": measure(handler, package) for handler, package in handlers().items()}


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
