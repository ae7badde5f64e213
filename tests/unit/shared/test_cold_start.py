"""Rules that keep a cold start short, checked in a new interpreter without loaded modules."""

import subprocess
import sys
from pathlib import Path

import pytest

from shared.cold_start import NEW_OBJECTS

SOURCE = Path(__file__).resolve().parents[3] / "lambda_src"
PACKAGES = sorted(
    folder.name
    for folder in SOURCE.iterdir()
    if folder.name != "shared" and (folder / "__init__.py").exists()
)


def printed_by(program: str) -> str:
    run = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(SOURCE)},
        check=True,
        capture_output=True,
        text=True,
    )
    return run.stdout.strip()


@pytest.mark.parametrize("package", PACKAGES)
def test_every_package_rests_the_garbage_collector_before_its_modules_load(package: str) -> None:
    threshold = printed_by(f"import gc, {package}; print(gc.get_threshold()[0])")

    assert threshold == str(NEW_OBJECTS)


def test_making_a_client_does_not_load_boto3() -> None:
    loaded = printed_by(
        "import os, sys, shared.pinpoint\n"
        "os.environ['AWS_DEFAULT_REGION'] = 'eu-west-1'\n"
        "shared.pinpoint.pinpoint_client()\n"
        "print('boto3' in sys.modules)"
    )

    assert loaded == "False"
