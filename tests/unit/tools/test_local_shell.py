"""A shell enters the local AWS and gets its own variables back."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from pathlib import Path

import pytest

from tools import local_shell
from tools.local_shell import BEFORE, entered, left, read_changes, shell_lines

EMULATOR = "export AWS_ENDPOINT_URL=http://127.0.0.1:4700\nunset AWS_PROFILE AWS_SESSION_TOKEN"


@pytest.fixture(autouse=True)
def no_own_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(local_shell, "USERS_CLI_CONFIGURATION", str(tmp_path / ".terraformrc"))


def evaluated(environ: dict[str, str], lines: str) -> dict[str, str]:
    """The environment of a POSIX shell after it evaluated the lines."""
    run = subprocess.run(
        ["/bin/sh", "-c", f"{lines}\n/usr/bin/env -0"],
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    )
    variables = dict(pair.split("=", 1) for pair in run.stdout.split("\0") if pair)
    return {n: v for n, v in variables.items() if n not in ("PWD", "SHLVL", "_", "OLDPWD")}


def test_undo_gives_a_shell_back_every_variable_it_had_and_takes_the_others() -> None:
    before = {"PATH": "/nowhere", "AWS_PROFILE": "it's mine", "TF_WORKSPACE": "blue"}

    inside = evaluated(before, shell_lines(entered(read_changes(EMULATOR.splitlines()), 7, before)))
    after = evaluated(inside, shell_lines(left(inside)))

    assert inside["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4700"
    assert "AWS_PROFILE" not in inside
    assert after == before


def test_entering_twice_still_gives_back_what_was_there_before_the_first() -> None:
    before = {"PATH": "/nowhere", "AWS_PROFILE": "mine"}
    changes = read_changes(EMULATOR.splitlines())

    once = evaluated(before, shell_lines(entered(changes, 4700, before)))
    twice = evaluated(once, shell_lines(entered(changes, 4701, once)))

    assert twice["TF_WORKSPACE"] == "local-4701"
    assert evaluated(twice, shell_lines(left(twice))) == before


def test_every_port_has_a_workspace_of_its_own() -> None:
    assert entered({}, 4566, {})["TF_WORKSPACE"] != entered({}, 4567, {})["TF_WORKSPACE"]


def test_the_bundled_terraform_comes_behind_the_path_where_there_is_no_other(
    tmp_path: Path,
) -> None:
    changes = entered({}, 4566, {"PATH": str(tmp_path)})

    assert changes["PATH"] == f"{tmp_path}{os.pathsep}{local_shell.BUNDLED}"


def test_the_path_stays_where_a_terraform_is_on_it(tmp_path: Path) -> None:
    program = tmp_path / "terraform"
    program.touch(mode=0o755)

    assert "PATH" not in entered({}, 4566, {"PATH": str(tmp_path)})


def test_arguments_that_the_user_gives_terraform_stay() -> None:
    environ = {"TF_CLI_ARGS_apply": "-compact-warnings"}

    changes = entered({}, 4566, environ)

    assert "TF_CLI_ARGS_apply" not in changes
    assert "TF_CLI_ARGS_destroy" in changes


def test_a_configuration_of_the_user_that_is_replaced_is_named(tmp_path: Path) -> None:
    users = tmp_path / ".terraformrc"
    users.touch()

    told = local_shell.replaced_configuration({"TF_CLI_CONFIG_FILE": "/ours.rc"}, {})

    assert told is not None
    assert f"export TF_CLI_CONFIG_FILE={users}" in told


def test_nothing_is_said_of_a_configuration_that_is_not_there() -> None:
    assert local_shell.replaced_configuration({"TF_CLI_CONFIG_FILE": "/ours.rc"}, {}) is None


def test_undo_without_an_entry_is_refused() -> None:
    with pytest.raises(local_shell.NothingToUndo, match="local-env"):
        left({})


def test_a_line_that_does_anything_else_is_refused() -> None:
    with pytest.raises(local_shell.UnknownLine):
        read_changes(["rm -rf /"])


def test_the_state_of_one_port_is_forgotten_and_others_stay(tmp_path: Path) -> None:
    workspaces = tmp_path / "examples" / "hub" / "terraform.tfstate.d"
    for name in ("local-4566", "local-4567", "staging"):
        (workspaces / name).mkdir(parents=True)
    own = workspaces.parent / "terraform.tfstate"
    own.touch()

    forgotten = list(local_shell.forget(4566, tmp_path))

    assert forgotten == [workspaces / "local-4566"]
    assert sorted(folder.name for folder in workspaces.iterdir()) == ["local-4567", "staging"]
    assert own.exists()


def test_a_failed_local_env_fails_the_shell_that_evaluates_it() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

        run = subprocess.run(
            ["/bin/sh", "-c", f'eval "$(make -s local-env PORT={port})" && echo went on'],
            cwd=local_shell.ROOT,
            capture_output=True,
            text=True,
            check=False,
        )

    assert run.returncode == 1
    assert run.stdout == ""
    assert f"not running on port {port}" in run.stderr


def test_what_the_shell_held_is_kept_as_json() -> None:
    changes = entered({"AWS_PROFILE": None}, 4566, {"AWS_PROFILE": "mine"})

    assert json.loads(str(changes[BEFORE]))["AWS_PROFILE"] == "mine"
