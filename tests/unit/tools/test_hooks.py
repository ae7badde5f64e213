"""The hooks find forbidden content of a commit, and accept other content."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tools import hooks
from tools.terraform_cli import ROOT

# In two parts, so that this file passes its own check.
KEY_ID = "AKIA" + "Q3EGRIM7ZXCVBNM2"
SECRET = "wJalrXUtnFEMIK7MDENGbPxRfiCYzQ2" + "abcdefghi"


def file_with(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "file.txt"
    path.write_bytes(text.encode())
    return path


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (f"key = {KEY_ID}\n", "an AWS access key id"),
        (f'aws_secret_access_key = "{SECRET}"\n', "an AWS secret access key"),
        (f'{{"SecretAccessKey": "{SECRET}"}}\n', "an AWS secret access key"),
        ("-----BEGIN RSA " + "PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n", "a private key"),
        ("token: ghp_" + "a1" * 18 + "\n", "a token of GitHub"),
        ("xoxb-" + "123456789012-123456789012\n", "a token of Slack"),
    ],
)
def test_a_secret_is_found_by_kind_and_line_and_not_repeated(
    tmp_path: Path, text: str, kind: str
) -> None:
    path = file_with(tmp_path, f"first line\n{text}")

    (finding,) = hooks.secrets(path)

    assert finding.startswith(f"{path}:2: {kind}")
    assert not any(secret in finding for secret in (KEY_ID, SECRET, "MIIE", "ghp_", "xoxb"))


@pytest.mark.parametrize(
    "text",
    [
        "AKIAIOSFODNN7EXAMPLE",
        "AKIALOCALADMINISTRAT",
        "AKIANOBODYKNOWSTHIS0",
        "SecretAccessKey = var.x",
    ],
)
def test_keys_that_are_no_secret_are_let_through(tmp_path: Path, text: str) -> None:
    assert hooks.secrets(file_with(tmp_path, text)) == []


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("one line", "the last line has no newline"),
        ("one line\n\n", "the file ends with empty lines"),
        ("one \ntwo\n", "the line ends with a space"),
        ("one\t\r\ntwo\r\n", "the line ends with a space"),
    ],
)
def test_ragged_ends_are_found(tmp_path: Path, text: str, rule: str) -> None:
    (finding,) = hooks.end_of_file(file_with(tmp_path, text))

    assert rule in finding


@pytest.mark.parametrize("text", ["", "one line\n", "one\r\ntwo\r\n"])
def test_clean_ends_are_let_through(tmp_path: Path, text: str) -> None:
    assert hooks.end_of_file(file_with(tmp_path, text)) == []


def test_the_repository_holds_no_secret() -> None:
    listing = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    paths = [ROOT / name for name in listing.stdout.split("\0") if name]

    assert [finding for path in paths if path.is_file() for finding in hooks.secrets(path)] == []
