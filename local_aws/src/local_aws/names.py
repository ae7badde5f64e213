"""Check that the names this package uses inside ministack are really there.

ministack is pinned, but a private name is no promise: whatever we read, wrap or replace is
listed where it is used and checked at start-up, so that an upgrade fails with a list of what
moved instead of quietly running unpatched.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from importlib.metadata import version

MINISTACK_VERSION = "1.5.33"


class MinistackChanged(Exception):
    """The installed ministack is not the one this package was written against."""


def require(names: Iterable[str]) -> None:
    """Assert that ministack is the pinned version and that each dotted name exists in it.

    A name is a module path followed by attributes, for example
    ``ministack.services.sns.publish_internal`` or ``ministack.core.lambda_runtime.Worker.invoke``.

    Raises:
        MinistackChanged: lists every name that is missing, and the version found.
    """
    found = version("ministack")
    missing = [name for name in names if not _exists(name)]
    if found != MINISTACK_VERSION or missing:
        raise MinistackChanged(
            f"local_aws is written for ministack {MINISTACK_VERSION}; installed is {found}"
            + (f", which lacks {', '.join(missing)}" if missing else "")
            + f". Run `pip install ministack=={MINISTACK_VERSION}`, or adapt local_aws to it."
        )


def _exists(name: str) -> bool:
    parts = name.split(".")
    for split in range(len(parts), 0, -1):
        module = ".".join(parts[:split])
        try:
            found: object = importlib.import_module(module)
        except ModuleNotFoundError as error:
            # Only "there is no such module" means that the rest are attributes; a module that
            # is there but fails to import something else is a broken installation.
            if not f"{module}.".startswith(f"{error.name}."):
                raise
            continue
        for attribute in parts[split:]:
            if not hasattr(found, attribute):
                return False
            found = getattr(found, attribute)
        return True
    return False
