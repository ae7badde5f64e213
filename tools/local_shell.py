"""``python -m tools.local_shell enter|leave|forget``: a shell in which this project works locally.

    enter    read the `export` lines of a local AWS on standard input; print them with the lines
             that Terraform needs, and one that remembers what the variables held before
    leave    print the lines that give the variables back
    forget   delete the Terraform state of a local AWS that is gone

``make local-env``, ``make local-env-undo`` and ``make local-down`` call it. The local AWS
decides which variables it exports: this module reads its lines.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from tools import terraform_cli
from tools.errors import ToolError

ROOT = terraform_cli.ROOT
BUNDLED = ROOT / ".venv" / "bin"
# The earlier values of the variables, as JSON; a variable that was not set is null.
BEFORE = "LOCAL_ENV_BEFORE"
USERS_CLI_CONFIGURATION = "~/.terraformrc"

Changes = dict[str, str | None]


class UnknownLine(ToolError):
    """A line is neither `export NAME=value` nor `unset NAME …`."""


class NothingToUndo(ToolError):
    """The shell has not evaluated `make local-env`."""


def workspace_of(port: int) -> str:
    """Return the Terraform workspace that holds the state of the local AWS on a port."""
    return f"local-{port}"


def read_changes(lines: Iterable[str]) -> Changes:
    """Read the variables that shell lines set; the value of an unset variable is None.

    Raises:
        UnknownLine: a line does something else.
    """
    changes: Changes = {}
    for line in filter(None, map(str.strip, lines)):
        match shlex.split(line):
            case ["export", *assignments] if all("=" in text for text in assignments):
                for name, _, value in (text.partition("=") for text in assignments):
                    changes[name] = value
            case ["unset", *names]:
                changes.update(dict.fromkeys(names))
            case _:
                raise UnknownLine(f"{line!r} is no export or unset line of a shell: remove it.")
    return changes


def shell_lines(changes: Changes) -> str:
    """Write the changes as lines for `eval` in any POSIX shell."""
    lines = [f"export {n}={shlex.quote(v)}" for n, v in changes.items() if v is not None]
    gone = [name for name, value in changes.items() if value is None]
    return "\n".join(lines + ([f"unset {' '.join(gone)}"] if gone else []))


def entered(changes: Changes, port: int, environ: Mapping[str, str]) -> Changes:
    """Add Terraform's variables, and the values that the shell held before its first entry."""
    changes = changes | terraform_changes(port, environ)
    earlier: Changes = json.loads(environ.get(BEFORE, "{}"))
    before = {name: environ.get(name) for name in changes} | earlier
    return changes | {BEFORE: json.dumps(before)}


def terraform_changes(port: int, environ: Mapping[str, str]) -> Changes:
    """Return Terraform's variables: provider, workspace, and a PATH that has a Terraform.

    With a workspace of its own an apply on the local AWS never reads or writes the state of an
    account. Arguments that the user gives Terraform by TF_CLI_ARGS_… stay.
    """
    added = terraform_cli.environment(environ)
    changes: Changes = {
        name: value
        for name, value in added.items()
        if not (name.startswith("TF_CLI_ARGS") and name in environ)
    }
    changes["TF_WORKSPACE"] = workspace_of(port)
    path = environ.get("PATH", "")
    if not any(shutil.which(name, path=path) for name in ("terraform", "tofu")):
        changes["PATH"] = f"{path}{os.pathsep}{BUNDLED}"
    return changes


def replaced_configuration(changes: Changes, environ: Mapping[str, str]) -> str | None:
    """Name the user's CLI configuration that Terraform does not read in this shell, if any."""
    ours = changes.get("TF_CLI_CONFIG_FILE")
    if ours is None:
        return None
    users = environ.get("TF_CLI_CONFIG_FILE") or str(Path(USERS_CLI_CONFIGURATION).expanduser())
    if users == ours or not Path(users).is_file():
        return None
    way_out = (
        "unset TF_PROVIDER_MIRROR"
        if environ.get("TF_CLI_CONFIG_FILE")
        else f"export TF_CLI_CONFIG_FILE={users}"
    )
    return (
        f"Terraform reads {ours} (a provider mirror of this machine) in this shell and not "
        f"{users}. To keep yours, `{way_out}` first."
    )


def left(environ: Mapping[str, str]) -> Changes:
    """Return the changes that restore the shell.

    Raises:
        NothingToUndo: the shell never entered.
    """
    if BEFORE not in environ:
        raise NothingToUndo(
            'This shell has not evaluated `eval "$(make -s local-env)"`: there is nothing to undo.'
        )
    before: Changes = json.loads(environ[BEFORE])
    return before | {BEFORE: None}


def forget(port: int, root: Path = ROOT) -> Iterator[Path]:
    """Delete the state of a stopped local AWS from the examples; yield each deleted folder.

    The resources in such a state no longer exist, and Terraform does not notice this for resources
    that it cannot read back (`aws_lambda_invocation`).
    """
    for folder in sorted((root / "examples").glob(f"*/terraform.tfstate.d/{workspace_of(port)}")):
        shutil.rmtree(folder)
        if not any(folder.parent.iterdir()):
            folder.parent.rmdir()
        yield folder


def _enter(port: int) -> str:
    changes = entered(read_changes(sys.stdin), port, os.environ)
    if told := replaced_configuration(changes, os.environ):
        print(told, file=sys.stderr)
    return shell_lines(changes)


def _leave(port: int) -> str:
    return shell_lines(left(os.environ))


def _forget(port: int) -> str:
    return "\n".join(f"Deleted {folder.relative_to(ROOT)}." for folder in forget(port))


def _port(text: str) -> int:
    """Read a port number."""
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 65_535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: give a number from 1 to 65535")
    return int(text)


def main(arguments: list[str]) -> int:
    actions: dict[str, Callable[[int], str]] = {
        "enter": _enter,
        "leave": _leave,
        "forget": _forget,
    }
    parser = argparse.ArgumentParser(prog="python -m tools.local_shell")
    parser.add_argument("action", choices=sorted(actions))
    parser.add_argument("--port", type=_port, default=4566)
    chosen = parser.parse_args(arguments)
    try:
        text = actions[chosen.action](chosen.port)
    except ToolError as error:
        print(error, file=sys.stderr)
        return 1
    if text:
        print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
