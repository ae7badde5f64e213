"""The check that ministack is the one this package was written for."""

import re
from pathlib import Path

import pytest

from local_aws import names
from local_aws.names import MinistackChanged, require

SOURCE = Path(names.__file__).parent


def test_a_name_that_is_there_is_accepted_at_any_depth() -> None:
    require(["ministack.services.sns.publish_internal", "ministack.core.iam_evaluator.EvalContext"])


@pytest.mark.parametrize(
    "name",
    [
        "ministack.services.sns.no_such_function",
        "ministack.services.no_such_module.function",
        "ministack.core.iam_evaluator.EvalContext.no_such_method",
    ],
)
def test_a_name_that_is_gone_is_listed(name: str) -> None:
    with pytest.raises(MinistackChanged, match=re.escape(name)):
        require(["ministack.services.sns.publish_internal", name])


def test_another_version_is_refused_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "version", lambda _: "9.9.9")

    with pytest.raises(MinistackChanged, match=r"installed is 9\.9\.9.*pip install ministack==1"):
        require([])


def test_every_ministack_name_in_the_services_is_asserted_at_start_up() -> None:
    """Whatever the sources import from ministack and then use has to be in some REQUIRED."""
    listed, used = set[str](), set[str]()
    for path in sorted(SOURCE.glob("**/*.py")):
        if "patches" in path.parts or path.name == "names.py":
            continue
        text = path.read_text()
        listed |= set(re.findall(r'"(ministack\.[\w.]+)"', text))
        for package, imported in re.findall(r"from (ministack[\w.]*) import ([\w, ]+)", text):
            for name in imported.split(", "):
                whole = f"{package}.{name}"
                attributes = re.findall(rf'(?<![\w."]){name}\.(\w+)', text)
                used |= {f"{whole}.{a}" for a in attributes} or {whole}

    assert used
    assert used <= listed
