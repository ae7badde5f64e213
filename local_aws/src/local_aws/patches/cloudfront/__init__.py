"""CloudFront: an edge with a cache, functions in V8, logs, and refusals.

The emulator serves the content of a distribution by its Host header. This package adds the edge
between a viewer and the origin.
"""

from __future__ import annotations

from local_aws.patches.cloudfront import edge, functions, origin, refusals

REQUIRED = (*edge.REQUIRED, *functions.REQUIRED, *origin.REQUIRED, *refusals.REQUIRED)


def apply() -> None:
    for module in (functions, origin, refusals, edge):
        module.apply()
