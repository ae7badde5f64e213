"""Changes to the emulator that close the gaps through which wrong code would pass.

Each module closes the gaps of one subject and has ``REQUIRED``, the names of the emulator it
reads, wraps or replaces, and ``apply()``. The table of gaps, closed and open, is in
``README.md``.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from typing import Protocol, cast

from local_aws.names import require

# In this order: a module that edits a function's source comes before one that wraps it.
_MODULES = (
    "service_access",
    "authorization",
    "lambda_executor",
    "sdk_calls",
    "step_functions",
    "distributed_map",
    "terraform_drift",
    "object_listing",
    "scheduler",
    "encryption",
    "encrypted_work",
    "delivery",
    "queues",
    "api_gateway",
    "firehose",
    "embedded_metrics",
    "athena",
    "stream_mappings",
    "queue_mappings",
    "table_reads",
    "young_account",
    "cloudfront",
    "bucket_logs",
    "absent_objects",
)


class _Patch(Protocol):
    REQUIRED: tuple[str, ...]

    def apply(self) -> None: ...


def apply_all() -> None:
    """Apply the patches of this package; see :func:`apply`."""
    apply(f"{__name__}.{module}" for module in _MODULES)


def apply(modules: Iterable[str]) -> None:
    """Check that every name is where the patches expect it, then apply them in this order.

    Raises:
        local_aws.names.MinistackChanged: the installed emulator is not the pinned one.
    """
    patches = [cast(_Patch, importlib.import_module(module)) for module in modules]
    require(name for patch in patches for name in patch.REQUIRED)
    for patch in patches:
        patch.apply()
