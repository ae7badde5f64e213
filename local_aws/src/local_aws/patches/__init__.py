"""Changes to the emulator that close the gaps through which wrong code would pass.

Each module closes the gaps of one subject and has ``REQUIRED``, the names of the emulator it
reads, wraps or replaces, and ``apply()``. The table of gaps, closed and open, is in
``README.md``.
"""

from __future__ import annotations

import importlib
from typing import Protocol, cast

from local_aws.names import require

# In this order: a module that edits a function's source comes before one that wraps it.
_MODULES = (
    "service_access",
    "authorization",
    "email_sending",
    "lambda_executor",
    "sdk_calls",
    "step_functions",
    "distributed_map",
    "terraform_drift",
    "object_listing",
    "scheduler",
    "encryption",
    "delivery",
    "receipt_rules",
    "queues",
    "api_gateway",
    "firehose",
    "embedded_metrics",
    "athena",
    "identities",
    "stream_mappings",
    "queue_mappings",
    "identity_settings",
    "table_reads",
)


class _Patch(Protocol):
    REQUIRED: tuple[str, ...]

    def apply(self) -> None: ...


def apply_all() -> None:
    """Check that every name is where the patches expect it, then apply them all.

    Raises:
        local_aws.names.MinistackChanged: the installed emulator is not the pinned one.
    """
    patches = [
        cast(_Patch, importlib.import_module(f"local_aws.patches.{name}")) for name in _MODULES
    ]
    require(name for patch in patches for name in patch.REQUIRED)
    for patch in patches:
        patch.apply()
