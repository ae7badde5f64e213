"""Check files before a commit: ``python -m tools.hooks {terraform-fmt,end-of-file,secrets} FILE…``.

The hooks of ``.pre-commit-config.yaml`` call it. A check prints one line for each finding and
exits with 1; it never changes a file.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from tools import terraform_cli
from tools.errors import ToolError

# Access key ids use the base32 alphabet. AWS's documentation ends its own with EXAMPLE; the
# local AWS publishes ids that begin with AKIALOCAL on purpose.
SECRETS = {
    "an AWS access key id": re.compile(
        r"\b(?:AKIA|ASIA)(?!LOCAL)(?![A-Z2-7]{9}EXAMPLE\b)[A-Z2-7]{16}\b"
    ),
    "an AWS secret access key": re.compile(
        r"(?i)secret_?access_?key[\"']?\s*[:=]\s*[\"']?(?![A-Za-z0-9/+]{30}EXAMPLEKEY)"
        r"[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+])"
    ),
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----\s*[A-Za-z0-9+/=]{16}"),
    "a token of GitHub": re.compile(r"\bgh[pousr]_[A-Za-z0-9]{36}\b"),
    "a token of Slack": re.compile(r"\bxox[abprs]-[0-9A-Za-z-]{20}"),
}


def end_of_file(path: Path) -> list[str]:
    """Find text that does not end with exactly one newline, and lines that end with a space."""
    content = path.read_bytes()
    findings = []
    if content and not content.endswith(b"\n"):
        findings.append(f"{path}: the last line has no newline: add one.")
    if content.endswith(b"\n\n"):
        findings.append(f"{path}: the file ends with empty lines: delete them.")
    findings += [
        f"{path}:{number}: the line ends with a space or tab: delete it."
        for number, line in enumerate(content.splitlines(), start=1)
        if line.endswith((b" ", b"\t"))
    ]
    return findings


def secrets(path: Path) -> list[str]:
    """Find credentials. A finding names the kind and the line, and never repeats the secret."""
    text = path.read_bytes().decode(errors="replace")
    return [
        f"{path}:{text.count(chr(10), 0, match.start()) + 1}: {kind}: take it out, and revoke it "
        "if it was ever real."
        for kind, pattern in SECRETS.items()
        for match in pattern.finditer(text)
    ]


def terraform_fmt(path: Path) -> list[str]:
    """Find Terraform that ``terraform fmt`` would change."""
    run = subprocess.run(
        [str(terraform_cli.find_terraform()), "fmt", "-check", str(path)],
        capture_output=True,
        text=True,
    )
    if run.returncode == 0:
        return []
    return [f"{path}: {run.stderr.strip() or 'not formatted: run `make fmt`.'}"]


CHECKS: dict[str, Callable[[Path], list[str]]] = {
    "end-of-file": end_of_file,
    "secrets": secrets,
    "terraform-fmt": terraform_fmt,
}


def main(arguments: Sequence[str]) -> int:
    if not arguments or arguments[0] not in CHECKS:
        print(f"usage: python -m tools.hooks {{{'|'.join(CHECKS)}}} FILE…", file=sys.stderr)
        return 2
    try:
        findings = [
            finding for name in arguments[1:] for finding in CHECKS[arguments[0]](Path(name))
        ]
    except ToolError as error:
        findings = [str(error)]
    for finding in findings:
        print(finding, file=sys.stderr)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
