"""List or delete everything that the archive has of one endpoint or user.

    python -m message_archiver.erase list --endpoint ID …
    python -m message_archiver.erase delete --user ID … [--dry-run]

For an operator, with credentials of the operator: the module's output `erase_policy_json` is the
policy that it takes. The package dist/message_archiver.zip is enough to run it:
`PYTHONPATH=dist/message_archiver.zip python -m message_archiver.erase …`.

Exit status: 0 when done, 1 when AWS refuses a call, 2 for wrong arguments, 3 when objects are left
that cannot be deleted. A command that was refused in between is repeated as it is.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

import boto3
from botocore.exceptions import ClientError

from message_archiver.erasure import Erasure, QueryFailed, endpoints_of_user
from shared.transient import error_code

__all__ = ["main"]

REFUSED = 1
LEFT_OVER = 3

_PERMISSION = (
    "The output erase_policy_json of the module has the permissions of this command; --user needs "
    "permission for Athena, Glue and the results bucket too."
)
_WAY_OUT = {
    "AccessDenied": _PERMISSION,
    "AccessDeniedException": _PERMISSION,
    "InvalidRequestException": "--workgroup and --database are the outputs workgroup_name and "
    "database_name of the module.",
    "NoSuchBucket": "--archive-bucket and --index-bucket are the outputs archive_bucket_name and "
    "index_bucket_name of the module.",
}


def main(arguments: Sequence[str] | None = None, out: Callable[[str], None] = print) -> int:
    """Run the command; return its exit status."""
    given = _parser().parse_args(arguments)
    if given.user and not (given.workgroup and given.database):
        _parser().error("--user needs --workgroup and --database: the index knows the endpoints")
    try:
        return _run(given, out)
    except QueryFailed as error:
        out(str(error))
    except ClientError as error:
        out(_refusal(error))
    return REFUSED


def _run(given: argparse.Namespace, out: Callable[[str], None]) -> int:
    endpoints = [given.endpoint] if given.endpoint else _endpoints(given, out)
    erasure = Erasure(
        boto3.client("s3"), given.archive_bucket, given.index_bucket, given.bypass_governance
    )
    is_left = False
    for endpoint_id in endpoints:
        messages = erasure.messages(endpoint_id)
        out(f"endpoint {endpoint_id}: {len(messages)} versions of messages")
        for message in messages:
            locked = f"  locked until {message.locked_until:%Y-%m-%d}" if message.lock else ""
            out(f"  {message.key}{locked}")
        if given.command == "list":
            continue
        if given.dry_run:
            rows = erasure.count_rows(endpoint_id, messages)
            out(f"  would delete {len(messages)} versions and {rows} rows of the index")
            continue
        kept = erasure.delete(messages, progress=_progress)
        rows = erasure.delete_rows(endpoint_id, messages, kept, progress=_progress)
        out(f"  deleted {len(messages) - len(kept)} versions and {rows} rows of the index")
        for one in kept:
            out(f"  kept {one.key}: {one.reason}")
        is_left = is_left or bool(kept)
    return LEFT_OVER if is_left else 0


def _endpoints(given: argparse.Namespace, out: Callable[[str], None]) -> list[str]:
    found = endpoints_of_user(
        boto3.client("athena"), given.workgroup, given.database, given.table, given.user
    )
    out(f"user {given.user}: {len(found)} endpoints in the index")
    return found


def _refusal(error: ClientError) -> str:
    """Return the refused call and its code, with the way out of a code that has one."""
    code = error_code(error)
    return f"AWS refuses {error.operation_name}: {code}. {_WAY_OUT.get(code, '')}".rstrip()


def _progress(what: str, done: int, of: int) -> None:
    """Show how far a step is, on one line of the terminal."""
    end = "\n" if done == of else ""
    print(f"\r  {what}: {done} of {of}", end=end, file=sys.stderr, flush=True)


def _id(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError("an id must not be empty; is a shell variable unset?")
    return text


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="message_archiver.erase",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=["list", "delete"])
    who = parser.add_mutually_exclusive_group(required=True)
    who.add_argument("--endpoint", type=_id, help="id of one endpoint")
    who.add_argument("--user", type=_id, help="id of a user, whose endpoints the index knows")
    parser.add_argument("--archive-bucket", required=True, help="bucket of messages")
    parser.add_argument("--index-bucket", required=True, help="bucket of the index")
    parser.add_argument("--workgroup", help="Athena workgroup, for --user")
    parser.add_argument("--database", help="Glue database of the index, for --user")
    parser.add_argument("--table", default="messages", help="table of the index")
    parser.add_argument("--dry-run", action="store_true", help="say what delete would delete")
    parser.add_argument(
        "--bypass-governance",
        action="store_true",
        help="delete objects that Object Lock keeps in governance mode",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
