"""The packages in dist/ as Lambda runs them: unpacked, with only the runtime."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

from tools.package import RUNTIME_PROVIDES

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "lambda_src"
# Settings that are not any text.
_REAL = {
    "PYTHONDONTWRITEBYTECODE": "1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "CALLING_HOURS": '{"opens": "09:00", "closes": "20:00", "days": ["MON"]}',
    "CHANNEL": "connect",
    "CHANNEL_SETTINGS": '{"instance_id": "i", "contact_flow_id": "f"}',
    "COLUMN_MAPPING": '{"columns": {}, "constants": {}, "encoding": "utf-8"}',
    "SPECIFICATION": '{"Dimensions": {}, "Metrics": [], "DataFormat": "CSV"}',
    "TEMPLATES_BY_FILE_PREFIX": "{}",
    "TIME_ZONE": "Europe/Berlin",
}

# The same name has another form in each of these.
_OF_ARCHITECTURE = {
    "campaign_attributes": {
        "SETTINGS": json.dumps(
            {
                "attributes": {"Offer": {"from": None, "default": "none"}},
                "cache_seconds": 60,
                "deadline_seconds": 5,
                "key": "user_id",
                "max_value_characters": 100,
                "on_failure": dict.fromkeys(
                    ("no_key", "missing", "unusable", "source_failed"), "send_default"
                ),
                "source": {
                    "function": {
                        "arn": "arn:aws:lambda:us-east-1:111122223333:function:f",
                        "max_answer_bytes": 1000,
                    }
                },
            }
        )
    },
    "campaign_templates": {
        "SETTINGS": json.dumps(
            {
                "default_template": "welcome",
                "failure_policy": "send_default",
                "limits": {},
                "locale_from": [],
            }
        ),
        "SOURCE": "{}",
    },
    "email_attachments": {
        "FILES": '{"largest_mb": 7, "link_seconds": 3600, "prefix": "", "type": ".pdf"}',
        "SENDERS": '["The Bank <statements@example.com>"]',
        "UNSUBSCRIBE": "",
    },
    "sms_retry": {
        "POLICY": '{"delays_seconds": [60], "max_age_seconds": 3600, "statuses": ["UNREACHABLE"]}'
    },
    "sms_s3_drop": {"IDENTITIES": '{"identities": {}}', "SENDING_HOURS": ""},
}


def functions() -> dict[str, Path]:
    """Module of each function in lambda_src → the zip that holds it."""
    return {
        f"{path.parts[-3]}.functions.{path.stem}": ROOT / "dist" / f"{path.parts[-3]}.zip"
        for path in sorted(SOURCE.glob("*/functions/*.py"))
        if path.name != "__init__.py"
    }


def settings(unpacked: Path, architecture: str) -> dict[str, str]:
    """An environment in which every function of a package can be imported.

    All names in capitals that its source has in quotes are set, and the names that `shared` reads.
    """
    own = "".join(path.read_text() for path in (unpacked / architecture).rglob("*.py"))
    shared = "".join(path.read_text() for path in (unpacked / "shared").rglob("*.py"))
    names = set(re.findall(r'"([A-Z][A-Z0-9_]+)"', own))
    names |= set(re.findall(r'required_env\("(\w+)"', shared))
    return {name: "1" for name in names if not name.startswith("AWS_")} | {
        **_REAL,
        **_OF_ARCHITECTURE.get(architecture, {}),
    }


def unpack(package: Path, folder: Path) -> Path:
    with zipfile.ZipFile(package) as archive:
        archive.extractall(folder)
    return folder


def runtime(folder: Path) -> Path:
    """Fill a folder with the packages of Lambda's Python runtime beside the standard library."""
    folder.mkdir()
    for module in RUNTIME_PROVIDES.values():
        spec = importlib.util.find_spec(module)
        assert spec is not None and spec.origin is not None
        origin = Path(spec.origin)
        origin = origin.parent if origin.name == "__init__.py" else origin
        (folder / origin.name).symlink_to(origin)
    return folder


def run_in(
    folders: list[Path], program: str, *arguments: str, environ: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run a program in a fresh interpreter that finds modules in these folders and nowhere else."""
    path = f"import sys; sys.path[:0] = {[str(folder) for folder in folders]!r}\n"
    return subprocess.run(
        [sys.executable, "-S", "-E", "-s", "-c", path + program, *arguments],
        env=dict(environ),
        capture_output=True,
        text=True,
    )
