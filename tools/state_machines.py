"""Check every state machine of the modules against cfn-lint's schema of the Amazon States Language.

Our own tests of state machines (`tests/unit/*/test_asl.py`) state our rules; this check is by
people who have not seen them. cfn-lint reads CloudFormation only, so each definition is wrapped in
a template.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tools.terraform_cli import ROOT

CFN_LINT = ROOT / ".venv-lint" / "bin" / "cfn-lint"
_PLACEHOLDER = re.compile(r"\$\{(\w+)\}")


def template_of(definitions: dict[str, str]) -> dict[str, Any]:
    """Return a CloudFormation template with a state machine for each definition, by logical id."""
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Resources": {
            name: {
                "Type": "AWS::StepFunctions::StateMachine",
                "Properties": {
                    "RoleArn": "arn:aws:iam::123456789012:role/state-machine",
                    "Definition": json.loads(_PLACEHOLDER.sub(_filled, definition)),
                },
            }
            for name, definition in definitions.items()
        },
    }


def _filled(placeholder: re.Match[str]) -> str:
    name = placeholder[1]
    if name == "partition":
        return "aws"
    if name.endswith("function_arn"):  # the `Resource` of a task, whose form the schema checks
        return f"arn:aws:lambda:us-east-1:123456789012:function:{name}"
    return name


def faults(files: list[Path]) -> list[str]:
    """Return cfn-lint's complaints, each with its file and the place in it.

    Raises:
        RuntimeError: cfn-lint itself failed.
    """
    by_id = {f"Machine{number}": file for number, file in enumerate(files)}
    template = template_of({name: file.read_text() for name, file in by_id.items()})
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(template, file, indent=1)
        file.flush()
        command = [str(CFN_LINT), "--format", "json", "--", file.name]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        matches = json.loads(ran.stdout)
    except json.JSONDecodeError:
        raise RuntimeError(f"cfn-lint failed: {ran.stderr[-2000:]}") from None
    found = []
    for match in matches:
        path = match["Location"]["Path"] or []
        file_of = by_id.get(path[1]) if len(path) > 1 else None
        where = (
            f"{file_of.relative_to(ROOT)}: {'/'.join(map(str, path[4:]))}"
            if file_of
            else "template"
        )
        found.append(f"{where}: {match['Rule']['Id']} {match['Message']}")
    return found


def main() -> int:
    files = sorted((ROOT / "modules").rglob("*.asl.json"))
    complaints = faults(files)
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    print(f"cfn-lint: {len(files)} state machines, {len(complaints)} faults")
    return 1 if complaints or not files else 0


if __name__ == "__main__":
    sys.exit(main())
