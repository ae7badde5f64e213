"""Settings of all tests."""

from __future__ import annotations

import os
from functools import cache

import botocore.session
from hypothesis import settings

# A slow machine is no counterexample. In CI the same examples are drawn every time.
settings.register_profile("any-machine", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("any-machine")

# Moto begins each test with a new session, which would read the models of its services again:
# two thirds of the CPU time of an empty hub. A session shares them among its clients anyway.
botocore.session.create_loader = cache(botocore.session.create_loader)
