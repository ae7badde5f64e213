"""``make demo FILE=…`` checks a file before it deploys resources."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import demo


def a_file(folder: Path, content: str) -> Path:
    path = folder / "people.csv"
    path.write_bytes(content.encode())
    return path


def test_the_sample_file_is_importable() -> None:
    demo.check_importable(demo.EXAMPLE / "people.csv")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("Email,First Name\nann@example.com,Ann\n", "Did you mean Address"),
        ("", "empty"),
        ("ChannelType,Address\n", "no rows"),
    ],
)
def test_a_file_that_cannot_be_imported_is_refused_with_its_reason(
    tmp_path: Path, content: str, reason: str
) -> None:
    with pytest.raises(demo.UnusableFile, match=reason) as refused:
        demo.check_importable(a_file(tmp_path, content))

    assert "FILE=" in str(refused.value)


def test_a_file_with_semicolons_is_importable(tmp_path: Path) -> None:
    demo.check_importable(a_file(tmp_path, "ChannelType;Address\nSMS;+12065550142\n"))


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(demo.UnusableFile, match="No such file"):
        demo.check_importable(tmp_path / "none.csv")


def test_nothing_is_started_for_a_file_that_cannot_be_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo, "local_aws", lambda *_: pytest.fail("the local AWS was started"))

    assert demo.main([str(a_file(tmp_path, "Email\nann@example.com\n"))]) == 1
