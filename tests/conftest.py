"""Settings of all tests."""

from __future__ import annotations

import os

from hypothesis import settings

# A slow machine is no counterexample. In CI the same examples are drawn every time.
settings.register_profile("any-machine", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("any-machine")
