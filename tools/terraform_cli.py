"""Find the Terraform to run and its provider.

Order of choice: the program named by ``TF`` (a name or a path), ``terraform`` on the PATH,
``tofu`` on the PATH, and last the one that ``make setup`` installs into the project's own
environment. The first that is there must be new enough; an older one is an error and not
passed over, so that tests use the Terraform that the user typed.

Run as a program it prints what it found::

    python -m tools.terraform_cli binary     # path of the program
    python -m tools.terraform_cli config     # path of the CLI configuration, or nothing
    python -m tools.terraform_cli check      # both, and whether a provider can be had
    python -m tools.terraform_cli env        # `export` lines of the variables to run it with
"""

from __future__ import annotations

import json
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tools.errors import ToolError

ROOT = Path(__file__).resolve().parent.parent
LOCAL_STATE = ROOT / ".local"
PROVIDER = "registry.terraform.io/hashicorp/aws"
TOFU_PROVIDER = "registry.opentofu.org/hashicorp/aws"

# Directories that Terraform searches by itself (CLI documentation, "Implied Local Mirror
# Directories"); they need no configuration, but finding one tells that a provider is there.
IMPLIED_MIRRORS = (
    "~/.terraform.d/plugins",
    "~/.local/share/terraform/plugins",
    "/usr/local/share/terraform/plugins",
    "/usr/share/terraform/plugins",
)
# Where add-on software is put by the Filesystem Hierarchy Standard.
ADD_ON_DIRECTORIES = ("/opt", "/usr/local/share", "/usr/local/lib", "/srv")


class NoTerraform(ToolError):
    """No Terraform and no OpenTofu was found."""


class TerraformTooOld(ToolError):
    """The Terraform found is older than the root versions.tf allows."""


class NoProvider(ToolError):
    """Neither a mirror nor a registry offers a supported hashicorp/aws."""


def minimum_version() -> tuple[int, ...]:
    """Read the lower bound of ``required_version`` in the root versions.tf."""
    text = (ROOT / "versions.tf").read_text()
    found = re.search(r'required_version\s*=\s*">=\s*([\d.]+)"', text)
    if found is None:
        raise ToolError('versions.tf has no required_version of the form ">= X.Y": restore it.')
    return parse_version(found[1])


def parse_version(text: str) -> tuple[int, ...]:
    """Parse a version: ``"1.11.4-beta1"`` → ``(1, 11, 4)``."""
    return tuple(int(part) for part in text.split("-")[0].split("."))


def find_terraform(environ: Mapping[str, str] = os.environ) -> Path:
    """Find the Terraform program to run.

    Raises:
        NoTerraform: no Terraform was found, or the program that ``TF`` names does not exist.
        TerraformTooOld: the one found is older than versions.tf allows.
    """
    binary = _choose(environ)
    version = version_of(binary)
    minimum = minimum_version()
    if version < minimum:
        have, need = (".".join(map(str, v)) for v in (version, minimum))
        raise TerraformTooOld(
            f"{binary} is version {have}, but this project needs {need} or newer (versions.tf). "
            "Upgrade it, set TF to a newer one, or take it off the PATH: "
            "`make setup` then installs one for this project alone."
        )
    return binary


def _choose(environ: Mapping[str, str]) -> Path:
    path = environ.get("PATH", "")
    if named := environ.get("TF"):
        found = shutil.which(named, path=path)
        if found is None:
            raise NoTerraform(
                f"TF names {named!r}, which is not an executable program: correct it or unset TF."
            )
        return Path(found)
    for name in ("terraform", "tofu"):
        if found := shutil.which(name, path=path):
            return Path(found)
    bundled = ROOT / ".venv" / "bin" / "terraform"
    if bundled.exists():
        return bundled
    raise NoTerraform(
        "No terraform or tofu on the PATH: install version 1.9 or newer, or run `make setup`, "
        "which installs one into this project's environment."
    )


def version_of(binary: Path) -> tuple[int, ...]:
    """Ask the program for its version; works for Terraform and OpenTofu."""
    try:
        answer = subprocess.run(
            [str(binary), "version", "-json"],
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return parse_version(json.loads(answer.stdout)["terraform_version"])
    except (OSError, subprocess.SubprocessError, ValueError, KeyError) as error:
        raise NoTerraform(
            f"{binary} did not answer `version -json` as Terraform does ({type(error).__name__}): "
            "set TF to a working Terraform 1.9 or newer."
        ) from error


def find_mirror(environ: Mapping[str, str] = os.environ) -> Path | None:
    """Find the directory of a filesystem mirror that holds hashicorp/aws for this machine.

    Raises:
        NoProvider: ``TF_PROVIDER_MIRROR`` names a directory without it.
    """
    if named := environ.get("TF_PROVIDER_MIRROR"):
        mirror = Path(named).expanduser()
        if not _offers_provider(mirror):
            raise NoProvider(
                f"TF_PROVIDER_MIRROR names {mirror}, which holds no {PROVIDER} for {_platform()}: "
                "point it at the directory above registry.terraform.io, or unset it."
            )
        return mirror
    return next((place for place in _candidates() if _offers_provider(place)), None)


def _candidates() -> Iterator[Path]:
    yield from (Path(place).expanduser() for place in IMPLIED_MIRRORS)
    for place in map(Path, ADD_ON_DIRECTORIES):
        yield place
        try:
            children = sorted(child for child in place.iterdir() if child.is_dir())
        except OSError:
            continue
        for child in children:
            yield child
            yield from (child / name for name in ("plugins", "providers", "mirror"))


def _platform() -> str:
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    return f"{platform.system().lower()}_{machine}"


def _offers_provider(mirror: Path) -> bool:
    """Check that a directory has the provider, unpacked (VERSION/OS_ARCH/) or packed (.zip)."""
    folder = mirror / PROVIDER
    try:
        unpacked = any(folder.glob(f"*/{_platform()}"))
        return unpacked or any(folder.glob(f"terraform-provider-aws_*_{_platform()}.zip"))
    except OSError:
        return False


def cli_config(environ: Mapping[str, str] = os.environ) -> Path | None:
    """Write a CLI configuration that points at the mirror found; None changes nothing.

    A configuration of the user's own (``TF_CLI_CONFIG_FILE`` names an existing file) is
    respected, unless ``TF_PROVIDER_MIRROR`` names a mirror.
    """
    own = environ.get("TF_CLI_CONFIG_FILE")
    ours = LOCAL_STATE / "terraform.rc"
    is_users = own is not None and Path(own).is_file() and Path(own) != ours
    if is_users and "TF_PROVIDER_MIRROR" not in environ:
        return None
    mirror = find_mirror(environ)
    if mirror is None:
        return None
    tofu = LOCAL_STATE / "tofu-mirror"
    link = tofu / TOFU_PROVIDER
    if not (link.is_symlink() and link.resolve() == (mirror / PROVIDER).resolve()):
        link.parent.mkdir(parents=True, exist_ok=True)
        fresh = _unique_name(link)  # other threads and processes set up the same link
        fresh.symlink_to(mirror / PROVIDER)
        fresh.replace(link)
    _write_if_changed(
        ours,
        "# Written by tools/terraform_cli.py: the provider is in a directory here.\n"
        "provider_installation {\n"
        + _mirror_block(mirror, PROVIDER)
        + _mirror_block(tofu, TOFU_PROVIDER)
        + f'  direct {{\n    exclude = ["{PROVIDER}", "{TOFU_PROVIDER}"]\n  }}\n'
        "}\n",
    )
    return ours


def _mirror_block(directory: Path, provider: str) -> str:
    return (
        "  filesystem_mirror {\n"
        f"    path    = {json.dumps(str(directory))}\n"
        f'    include = ["{provider}"]\n'
        "  }\n"
    )


def _write_if_changed(path: Path, text: str) -> None:
    if path.exists() and path.read_text() == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = _unique_name(path)
    fresh.write_text(text)
    fresh.replace(path)


def _unique_name(path: Path) -> Path:
    """A name beside the path that no other thread or process uses."""
    return path.with_name(f"{path.name}.{uuid.uuid4().hex}")


def environment(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the environment variables for Terraform: its provider, its parallelism, its memory.

    The provider creates one Lambda function at a time and waits 25 s for a queue, while each one
    that waits takes one of Terraform's ten places: more places, or everything else waits too.

    The provider's schema is some 400 MB in Terraform and in the provider. Go's garbage collector
    goes through it each time that the heap has doubled (GOGC=100), a quarter of the whole CPU time.
    """
    added = {f"TF_CLI_ARGS_{command}": "-parallelism=100" for command in ("apply", "destroy")}
    added["CHECKPOINT_DISABLE"] = "1"
    for name, value in (("GOGC", "400"), ("GOMEMLIMIT", "2GiB")):
        added[name] = environ.get(name, value)
    if config := cli_config(environ):
        added["TF_CLI_CONFIG_FILE"] = str(config)
    else:
        cache = LOCAL_STATE / "plugin-cache"
        cache.mkdir(parents=True, exist_ok=True)
        added["TF_PLUGIN_CACHE_DIR"] = environ.get("TF_PLUGIN_CACHE_DIR", str(cache))
    return added


def ensure_provider(environ: Mapping[str, str] = os.environ) -> str:
    """Initialise an empty root module with the root versions.tf; return where it came from.

    Raises:
        NoProvider: ``init`` could not get the provider.
    """
    with tempfile.TemporaryDirectory() as folder:
        _install_provider(Path(folder), environ)
    return environment(environ).get("TF_CLI_CONFIG_FILE", "Terraform's own configuration")


def _install_provider(folder: Path, environ: Mapping[str, str]) -> Path | None:
    """Initialise an empty root module in the folder.

    Returns the provider's program; None where the user's own configuration names it
    (`dev_overrides`, `TF_REATTACH_PROVIDERS`).
    """
    shutil.copy(ROOT / "versions.tf", folder)
    data = folder / ".terraform"
    run = subprocess.run(
        [str(find_terraform(environ)), "init", "-input=false", "-no-color"],
        cwd=folder,
        env={**environ, **environment(environ), "TF_DATA_DIR": str(data)},
        capture_output=True,
        text=True,
    )
    if run.returncode != 0:
        raise NoProvider(
            "Terraform could not get the provider hashicorp/aws in a version that versions.tf "
            "allows. Without access to a registry, put a filesystem mirror on this machine and set "
            f"TF_PROVIDER_MIRROR to it. Terraform said:\n{run.stdout}{run.stderr}"
        )
    return next(data.glob("providers/*/hashicorp/aws/*/*/terraform-provider-aws*"), None)


@contextmanager
def running_provider(environ: Mapping[str, str] = os.environ) -> Iterator[dict[str, str]]:
    """Run one provider process for many Terraform commands; yield the variables that attach to it.

    Terraform starts the provider anew for every command and for every `run` of `terraform test`,
    which costs a second of CPU each time. Only for commands that configure no provider (`validate`,
    and `test` with a mocked provider), because all commands share the process's configuration.
    Yields no variables when the provider does not offer an attachment: Terraform then starts its
    own. The process ends with the context, and with this process.

    Source: Terraform plugin development, "Debugging providers".

    Raises:
        NoProvider: ``init`` could not get the provider.
    """
    with tempfile.TemporaryDirectory() as folder:
        program = _install_provider(Path(folder), environ)
        if program is None:
            yield {}
            return
        # The shell ends the provider when its standard input closes, however this process ends.
        with subprocess.Popen(
            [
                "/bin/sh",
                "-c",
                '"$0" -debug & exec >&-; cat >/dev/null; kill $!; wait',
                str(program),
            ],
            env={**environ, "TMPDIR": folder},  # the provider's socket
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as process:
            assert process.stdin is not None and process.stdout is not None
            try:
                yield _attachment(process.stdout)
            finally:
                process.stdin.close()


def _attachment(output: Iterable[str]) -> dict[str, str]:
    """Read what a provider in debug mode prints, up to the variable to attach Terraform with."""
    for line in output:
        if found := re.search(r"TF_REATTACH_PROVIDERS='(.+)'", line):
            (attachment,) = json.loads(found[1]).values()
            both = {PROVIDER: attachment, TOFU_PROVIDER: attachment}
            return {"TF_REATTACH_PROVIDERS": json.dumps(both)}
    return {}


def main(arguments: list[str]) -> int:
    actions: dict[str, Callable[[], object]] = {
        "binary": find_terraform,
        "config": lambda: cli_config() or "",
        "check": lambda: f"{find_terraform()}, provider by {ensure_provider()}",
        "env": lambda: "\n".join(
            f"export {name}={shlex.quote(value)}" for name, value in environment().items()
        ),
    }
    if len(arguments) != 1 or arguments[0] not in actions:
        print(f"usage: python -m tools.terraform_cli {{{'|'.join(actions)}}}", file=sys.stderr)
        return 2
    try:
        print(actions[arguments[0]]())
    except ToolError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
