"""Settings of all tests."""

from __future__ import annotations

import os

from hypothesis import settings

# A slow machine is no counterexample. In CI the same examples are drawn every time.
settings.register_profile("any-machine", deadline=None, derandomize=bool(os.environ.get("CI")))
# For a search by hand, with other examples each time: `--hypothesis-profile=longer --timeout=0`.
settings.register_profile(
    "longer",
    deadline=None,
    derandomize=False,
    print_blob=True,
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "5000")),
)
settings.load_profile("any-machine")
