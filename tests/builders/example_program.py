"""The program of an example, as a module whose functions a test calls."""

from __future__ import annotations

import importlib.util
from typing import Any

from tools import terraform_cli


def example_program(example: str, name: str) -> Any:
    """Load `examples/<example>/<name>.py`."""
    path = terraform_cli.ROOT / "examples" / example / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"{example}_{name}", path)
    assert spec is not None and spec.loader is not None, f"{path} is no program."
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
