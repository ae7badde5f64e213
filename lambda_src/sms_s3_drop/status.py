"""Show how far the files of a module are, and stop a file.

    python -m sms_s3_drop.status list --work-bucket BUCKET [--file KEY]
    python -m sms_s3_drop.status show RUN --work-bucket BUCKET
    python -m sms_s3_drop.status result RUN --work-bucket BUCKET > result.csv
    python -m sms_s3_drop.status stop RUN --state-table TABLE

For an operator, with credentials of the operator: the module's output `status_policy_json` is the
policy that it takes, and `stop_policy_json` that of `stop`. The package dist/sms_s3_drop.zip is
enough to run it: `PYTHONPATH=dist/sms_s3_drop.zip python -m sms_s3_drop.status …`.

Exit status: 0 when done, 1 when AWS refuses a call, 2 for wrong arguments, 3 when there is no such
run or result, or nothing to stop.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from shared.transient import error_code
from sms_s3_drop.ledger import Ledger
from sms_s3_drop.progress import result_key, status_key
from sms_s3_drop.work_files import WorkFiles

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

__all__ = ["main"]

REFUSED = 1
ABSENT = 3
_COUNTS = ("Rows", "Sent", "OptedOut", "Rejected", "Failed", "Unknown", "Waiting")
_RUN = re.compile(r"[0-9a-f]{32}")


def main(arguments: Sequence[str] | None = None, out: Callable[[str], None] = print) -> int:
    """Run the command; return its exit status."""
    given = _parser().parse_args(arguments)
    try:
        if given.command == "stop":
            return _stop(given.state_table, given.run, out)
        s3: S3Client = boto3.client("s3")
        work = WorkFiles(s3, given.work_bucket)
        if given.command == "list":
            return _list(s3, work, given.file, out)
        return _show(work, given.run, out) if given.command == "show" else _result(work, given, out)
    except ClientError as error:
        out(f"AWS refuses {error.operation_name}: {error_code(error)}. {_way_out(error, given)}")
    except BotoCoreError as error:
        out(f"No call of AWS was made, or no answer came: {error}")
    return REFUSED


def _way_out(error: ClientError, given: argparse.Namespace) -> str:
    code = error_code(error)
    if code == "NoSuchBucket":
        return f"There is no bucket {given.work_bucket}: give the output work_bucket_name."
    if code == "ResourceNotFoundException":
        return (
            f"There is no table {given.state_table} in this account and region: give the output "
            "state_table_name."
        )
    return "The outputs status_policy_json and stop_policy_json have the permissions to attach."


def _stop(table: str, run: str, out: Callable[[str], None]) -> int:
    # The lease and the time that rows are kept are for claims, and stopping claims no row.
    ledger = Ledger(boto3.client("dynamodb"), table, lease_seconds=0, keep_seconds=0)
    if not ledger.stop(run):
        out(f"Run {run} is not being sent: there is no such run, or it is over.")
        return ABSENT
    out(
        f"Run {run} is stopped. Messages in the hands of senders still go out. The result file "
        "follows within about five minutes."
    )
    return 0


def _list(s3: S3Client, work: WorkFiles, file: str | None, out: Callable[[str], None]) -> int:
    """Print a line for each run, the newest last."""
    found = [
        status for status in _statuses(s3, work) if file is None or status["File"]["Key"] == file
    ]
    for status in sorted(found, key=lambda s: str(s.get("Started") or s["AsOf"])):
        out(f"{status['Run']}  {status['State']:<9}  {_counted(status)}  {status['File']['Key']}")
    if not found:
        out("There is no run of that file." if file else "There is no run.")
        return ABSENT
    return 0


def _statuses(s3: S3Client, work: WorkFiles) -> Iterator[dict[str, Any]]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=work.bucket, Prefix="runs/")
    for page in pages:
        for item in page.get("Contents", []):
            if item["Key"].endswith("/status.json"):
                status = work.read_json(item["Key"])
                if status is not None:
                    yield status


def _counted(status: dict[str, Any]) -> str:
    counts = status.get("Counts")
    if counts is None:
        return "no row was sent"
    done = counts["Rows"] - counts["Waiting"]
    others = [f"{counts[n]} {n}" for n in _COUNTS[2:-1] if counts[n]]
    return ", ".join([f"{done} of {counts['Rows']} rows", f"{counts['Sent']} Sent", *others])


def _show(work: WorkFiles, run: str, out: Callable[[str], None]) -> int:
    status = work.read_json(status_key(run))
    if status is None:
        out(f"There is no run {run}.")
        return ABSENT
    out(json.dumps(status, indent=1, ensure_ascii=False))
    return 0


def _result(work: WorkFiles, given: argparse.Namespace, out: Callable[[str], None]) -> int:
    status = work.read_json(status_key(given.run))
    if status is None or not status.get("Result"):
        why = "There is no such run."
        if status is not None:
            why = f"The run is {status['State']}. {status.get('Reason') or ''}".rstrip()
        print(f"Run {given.run} has no result file. {why}", file=sys.stderr)
        return ABSENT
    for line in work.read_text(result_key(given.run)):
        out(line)
    return 0


def _run_name(text: str) -> str:
    if not _RUN.fullmatch(text):
        raise argparse.ArgumentTypeError("a run is named by 32 hexadecimal digits; see `list`")
    return text


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sms_s3_drop.status",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    listing = commands.add_parser("list", help="a line for each run")
    listing.add_argument("--file", help="key of a file: its runs only")
    for name, help_text in (("show", "the status object"), ("result", "the result file")):
        command = commands.add_parser(name, help=help_text)
        command.add_argument("run", type=_run_name)
    for command in commands.choices.values():
        command.add_argument("--work-bucket", required=True, help="the output work_bucket_name")
    command = commands.add_parser("stop", help="send no more rows of a run")
    command.add_argument("run", type=_run_name)
    command.add_argument("--state-table", required=True, help="the output state_table_name")
    return parser


if __name__ == "__main__":
    sys.exit(main())
