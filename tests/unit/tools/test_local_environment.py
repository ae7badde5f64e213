"""A process that uses the local AWS has its variables and no others of AWS."""

from __future__ import annotations

import os

import pytest

from tools import local_environment


def test_a_process_that_uses_the_local_aws_keeps_no_profile_of_its_shell(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines = "export NO_PROXY='a b,127.0.0.1'\nunset AWS_PROFILE AWS_SESSION_TOKEN"
    monkeypatch.setattr(local_environment, "local_aws", lambda *_: lines)
    monkeypatch.setenv("NO_PROXY", "elsewhere")
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "mine")

    local_environment.use_local_aws(4566)

    assert os.environ["NO_PROXY"] == "a b,127.0.0.1"
    assert not {"AWS_PROFILE", "AWS_SESSION_TOKEN"} & os.environ.keys()
