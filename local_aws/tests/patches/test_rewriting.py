"""Edits of the emulator's functions refuse to guess."""

from __future__ import annotations

import types

import pytest

from local_aws.names import MinistackChanged
from local_aws.patches.rewriting import rewrite


def greeting(name: str) -> str:
    return "hello " + name


def holder() -> types.SimpleNamespace:
    return types.SimpleNamespace(__name__="holder", greeting=greeting)


def test_an_edit_changes_the_one_place_it_names_and_may_use_helpers() -> None:
    owner = holder()

    rewrite(owner, "greeting", ('"hello "', "_prefix()"), _prefix=lambda: "good night ")

    assert owner.greeting("Ann") == "good night Ann"
    assert greeting("Ann") == "hello Ann"


@pytest.mark.parametrize(("text", "times"), [("not there", 0), ("name", 2)])
def test_an_edit_of_a_text_that_is_not_there_once_is_refused(text: str, times: int) -> None:
    with pytest.raises(MinistackChanged, match=f"holder.greeting.* occurs {times} times"):
        rewrite(holder(), "greeting", (text, "x"))
