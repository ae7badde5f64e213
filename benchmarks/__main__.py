"""``make bench``: run every benchmark, or those named, and write benchmarks/results/*.json."""

from __future__ import annotations

import importlib
import json
import os
import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks import undescribed

HERE = Path(__file__).parent


def machine() -> dict[str, Any]:
    """Describe the machine and the versions that the figures depend on."""
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "system": platform.system(),
        "python": platform.python_version(),
        "boto3": version("boto3"),
        "ministack": version("ministack"),
    }


def main(names: list[str]) -> None:
    chosen = names or sorted(path.stem.removeprefix("bench_") for path in HERE.glob("bench_*.py"))
    for name in chosen:
        benchmark = importlib.import_module(f"benchmarks.bench_{name}")
        figures = benchmark.run()
        wordless = undescribed(figures, benchmark.FIGURES)
        if wordless:
            sys.exit(
                f"bench_{name}: {', '.join(wordless)} has no description. Add one to FIGURES: "
                "benchmarks/__init__.py shows how."
            )
        result = {"benchmark": name, "machine": machine(), "figures": figures}
        target = HERE / "results" / f"{name}.json"
        target.parent.mkdir(exist_ok=True)
        target.write_text(json.dumps(result, indent=2) + "\n")
        print(f"{name}: {json.dumps(figures)}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
