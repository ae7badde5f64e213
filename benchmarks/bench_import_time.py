"""Import time of every function of the packages in dist/, in ms, with the client that it makes.

Each handler named in a module's Terraform is imported in a fresh interpreter from its unpacked
zip, beside the boto3 of this environment, with the variables that it asks for set to
placeholders. Median of five; the interpreter's own start is taken off. Beside them stands what
botocore takes for one client and nothing else, as it is without `shared.cold_start`.
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
ALONE = "botocore_and_one_client_alone_ms"
FIGURES = {
    ALONE: Figure(
        "Import of botocore and one client of Step Functions, without any of our code", "ms"
    ),
    "*_ms": Figure(
        "Import of a function's package with the AWS clients it makes, in a fresh interpreter",
        "ms",
        at_most=190,
    ),
}
PROGRAM = """
import sys, time


start = time.perf_counter()
exec(sys.argv[1])
print((time.perf_counter() - start) * 1000)
"""
# Settings that a function reads as JSON when it starts.
PLACEHOLDERS = {"COLUMN_MAPPING": '{"columns": {}, "constants": {}, "encoding": "utf-8"}'}
CLIENT_ALONE = "import botocore.session as b; b.get_session().create_client('stepfunctions')"


def handlers() -> dict[str, Path]:
    """Module of each handler named in the Terraform of modules/ → the zip that holds it."""
    terraform = "".join(path.read_text() for path in (ROOT / "modules").rglob("*.tf"))
    packages = {package.stem: package for package in (ROOT / "dist").glob("*.zip")}
    # A module with several steps may leave the function's name to for_each.
    named = re.findall(
        rf'"((?:{"|".join(packages)})(?:\.\w+)+)\.(?:\w+|\$\{{each\.key\}})"', terraform
    )
    # A block that several packages share names its handlers by the package.
    shared = re.findall(r'"\$\{var\.package\}\.(\w+)\.\w+"', terraform)
    users = re.findall(r'\bpackage\s+= "(\w+)"', terraform)
    named += [f"{package}.{handler}" for package in users for handler in shared]
    return {handler: packages[handler.split(".")[0]] for handler in sorted(set(named))}


def settings(source: Path) -> set[str]:
    """The names of the variables that a package may ask for, and that shared packages need."""
    text = "".join(path.read_text() for path in source.rglob("*.py"))
    shared = "".join(
        path.read_text()
        for name in set(re.findall(r"from shared\.(\w+)", text))
        for path in (source.parent / "shared" / name).rglob("*.py")
    )
    needed = re.findall(r'required_env\("(\w+)"', shared)
    return set(re.findall(r'"([A-Z][A-Z0-9_]+)"', text)).union(needed)


def measure(statement: str, folder: str, names: set[str]) -> float:
    """Median time of a statement in a fresh interpreter, in ms.

    Args:
        folder: where packages are imported from.
        names: variables to set to placeholders.
    """
    environ = {
        **{name: PLACEHOLDERS.get(name, "1") for name in names if not name.startswith("AWS_")},
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
        zipfile.ZipFile(package).extractall(folder)
        names = settings(ROOT / "lambda_src" / handler.split(".")[0])
        return measure(f"import {handler}", folder, names)


def run() -> dict[str, Any]:
    alone = {ALONE: measure(CLIENT_ALONE, "", set())}
    return alone | {
        f"{handler}_ms": measure_handler(handler, package)
        for handler, package in handlers().items()
    }


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
