"""Build ``dist/<architecture>.zip`` for every folder of lambda_src, byte for byte reproducible.

A zip holds the architecture's own package, ``shared``, and of the pinned distributions of its
``requirements.txt`` the modules that its functions can load (``tools.imports``); boto3 and its
dependencies come from the Lambda runtime. Only pure-Python wheels are accepted, so the same zip
runs on arm64, x86_64 and on a laptop.

Entries are sorted, carry one fixed time, and are stored rather than deflated: compressed bytes
depend on the zlib a Python was built with, and the sha256 of a package must not.
"""

from __future__ import annotations

import csv
import hashlib
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from email.parser import HeaderParser
from pathlib import Path

from tools.errors import ToolError
from tools.imports import Program

ROOT = Path(__file__).resolve().parent.parent
FIXED_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest that the zip format can say
SOURCE_SUFFIXES = {".py", ".json"}
KEPT_METADATA = {"METADATA", "LICENSE", "LICENSE.txt", "NOTICE"}
# In every Python runtime of Lambda, beside boto3: distribution → its top-level module.
RUNTIME_PROVIDES = {
    "boto3": "boto3",
    "botocore": "botocore",
    "jmespath": "jmespath",
    "python-dateutil": "dateutil",
    "s3transfer": "s3transfer",
    "six": "six",
    "urllib3": "urllib3",
}
# Modules that load others, or data files, by a computed name → the packages that they need. A file
# that no function can load is left out.
COMPUTED_IMPORTS: dict[str, tuple[str, ...]] = {
    "aws_lambda_powertools.shared.lazy_import": (),  # the X-Ray SDK, which no function uses
    "phonenumbers.data": ("phonenumbers.data",),  # a module for each country
    "phonenumbers.shortdata": (),  # the same for short numbers, such as 112
    # A dialect loads the dialects that it builds on by statements.
    "sqlglot.dialects": (),
    "sqlglot.dialects.dialect": (),
    "sqlglot.optimizer": (),
    "sqlglot.serde": (),
    "zoneinfo": ("tzdata",),  # Lambda's runtime has no time zones
}


class UnpinnedRequirement(ToolError):
    """A line of a requirements.txt does not name one exact version."""


class MissingRequirement(ToolError):
    """A pinned distribution needs another that is not pinned beside it."""


def architectures(source: Path) -> list[str]:
    """List every folder of lambda_src that has a package of its own."""
    return sorted(
        folder.name
        for folder in source.iterdir()
        if folder.name != "shared" and (folder / "__init__.py").exists()
    )


def build(architecture: str, *, root: Path = ROOT) -> Path:
    """Write ``dist/<architecture>.zip`` unless it has that content already; return its path.

    Raises:
        UnpinnedRequirement, MissingRequirement: the requirements are not reproducible.
        MissingModule, ComputedImport: a function would fail for want of a module.
        ToolError: pip could not get a pure-Python wheel.
    """
    source = root / "lambda_src"
    libraries = _installed(source / architecture / "requirements.txt", root / ".local" / "packages")
    entries = dict(_library_files(source, architecture, libraries))
    for package in ("shared", architecture):
        entries.update(_source_files(source, package))
    target = root / "dist" / f"{architecture}.zip"
    fresh = target.with_suffix(".zip.part")
    target.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(fresh, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(entries):
            info = zipfile.ZipInfo(name, FIXED_TIME)
            info.create_system = 3  # Unix, whatever built it
            info.external_attr = 0o644 << 16
            archive.writestr(info, entries[name].read_bytes())
    if target.exists() and sha256(target) == sha256(fresh):
        fresh.unlink()
    else:
        fresh.replace(target)
    return target


def sha256(path: Path) -> str:
    """Return the hexadecimal digest of a file's bytes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _source_files(source: Path, package: str) -> Iterator[tuple[str, Path]]:
    for path in (source / package).rglob("*"):
        if path.suffix in SOURCE_SUFFIXES and "__pycache__" not in path.parts:
            yield path.relative_to(source).as_posix(), path


def _library_files(source: Path, architecture: str, libraries: Path) -> Iterator[tuple[str, Path]]:
    """Yield the library files that the functions can load, with the licences of the libraries."""
    program = Program(source, libraries, RUNTIME_PROVIDES.values(), COMPUTED_IMPORTS)
    functions = (source / architecture / "functions").glob("*.py")
    loaded = {
        path.relative_to(libraries).as_posix()
        for path in program.closure(functions)
        if path.is_relative_to(libraries)
    }
    for name in loaded:
        yield name, libraries / name
    for metadata in libraries.glob("*.dist-info"):
        with (metadata / "RECORD").open(newline="", encoding="utf-8") as record:
            installed = {row[0] for row in csv.reader(record)}
        if installed & loaded:
            for path in metadata.rglob("*"):
                if path.name in KEPT_METADATA:
                    yield path.relative_to(libraries).as_posix(), path


def _installed(requirements: Path, cache: Path) -> Path:
    """Return a folder with exactly these requirements, installed once."""
    text = requirements.read_text() if requirements.exists() else ""
    lines = sorted(
        line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")
    )
    for line in lines:
        if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+", line):
            raise UnpinnedRequirement(
                f"{requirements} says {line!r}: name one version, as in `name==1.2.3`, "
                "so that the package is the same on any machine."
            )
    folder = cache / hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
    if folder.exists():
        return folder
    fresh = folder.with_suffix(".part")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    if not lines:
        return fresh.rename(folder)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile"]
    command += ["--only-binary=:all:", "--platform=any", "--python-version=3.11"]
    run = subprocess.run(
        [*command, "--implementation=py", f"--target={fresh}", *lines],
        capture_output=True,
        text=True,
    )
    if run.returncode != 0:
        raise ToolError(
            f"pip could not install {', '.join(lines)} as pure-Python wheels:\n{run.stderr}"
        )
    _require_complete(fresh, requirements)
    return fresh.rename(folder)


def _require_complete(folder: Path, requirements: Path) -> None:
    metadata = [
        HeaderParser().parsestr(path.read_text()) for path in folder.glob("*.dist-info/METADATA")
    ]
    present = {_normal(str(one["Name"])) for one in metadata} | set(RUNTIME_PROVIDES)
    for one in metadata:
        for need in one.get_all("Requires-Dist", []):
            name = _normal(re.split(r"[^A-Za-z0-9._-]", need, maxsplit=1)[0])
            if "extra ==" not in need and name not in present:
                raise MissingRequirement(
                    f"{one['Name']} needs {name}, which neither {requirements} pins nor the Lambda "
                    "runtime provides: add it with its version."
                )


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def main(arguments: list[str]) -> int:
    try:
        for architecture in arguments or architectures(ROOT / "lambda_src"):
            target = build(architecture)
            size = target.stat().st_size / 1e6
            print(f"{target.relative_to(ROOT)}  {size:.2f} MB  {sha256(target)[:12]}")
    except ToolError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
