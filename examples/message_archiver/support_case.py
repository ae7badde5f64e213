"""Answer a support case: the messages that a person got in a month.

    python support_case.py "$(terraform output -raw athena_workgroup)" \\
        "$(terraform output -raw athena_database)" \\
        "$(terraform output -raw archive_bucket)" ann 2026-05

Prints a line for each message, and saves each message as a file that a mail reader opens. The
month is that of the sends, in UTC.
"""

import re
import sys
import time
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

athena = boto3.client("athena")
s3 = boto3.client("s3")

QUERY = "messages_to_a_person"
SECONDS = 120


def answer(workgroup: str, database: str, bucket: str, user_id: str, month: str) -> None:
    year, number = (int(part) for part in month.split("-"))
    following = f"{year + number // 12}/{number % 12 + 1:02d}/01/00"
    hours = f"{year}/{number:02d}/01/00", following
    parameters = [literal(text) for text in (user_id, *hours)]
    messages = ask(workgroup, database, parameters)
    if not messages:
        print(
            f"The archive has no message to user {user_id} in {month}. A message is in it about a "
            "minute after its send; an endpoint without User.UserId has no user.",
            file=sys.stderr,
        )
        return
    folder = Path(f"case-{month}")
    folder.mkdir(exist_ok=True)
    for sent_at, channel, subject, _, _, fidelity, key in messages:
        file = folder / key.rpartition("/")[2]
        file.write_bytes(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
        print(f"{sent_at}  {channel:5}  {fidelity:13}  {subject}  {file}")


def ask(workgroup: str, database: str, parameters: list[str]) -> list[list[str]]:
    """Return the rows of the workgroup's query."""
    ids = athena.list_named_queries(WorkGroup=workgroup)["NamedQueryIds"]
    queries = athena.batch_get_named_query(NamedQueryIds=ids)["NamedQueries"] if ids else []
    found = [query["QueryString"] for query in queries if query["Name"] == QUERY]
    if not found:
        sys.exit(
            f"The workgroup {workgroup} has no query {QUERY}. Its name is the output "
            "athena_workgroup of the example."
        )
    query_id = athena.start_query_execution(
        QueryString=found[0],
        WorkGroup=workgroup,
        QueryExecutionContext={"Database": database},
        ExecutionParameters=parameters,
    )["QueryExecutionId"]
    for _ in range(SECONDS):
        status = athena.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]["Status"]
        if status["State"] in ("SUCCEEDED", "FAILED", "CANCELLED"):
            break
        time.sleep(1)
    if status["State"] != "SUCCEEDED":
        sys.exit(f"The query is {status['State']}: {status.get('StateChangeReason', '')}")
    pages = athena.get_paginator("get_query_results").paginate(QueryExecutionId=query_id)
    rows: list[Any] = [row["Data"] for page in pages for row in page["ResultSet"]["Rows"]]
    return [[cell.get("VarCharValue", "-") for cell in row] for row in rows[1:]]


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def main(arguments: list[str]) -> int:
    match arguments:
        case [_, _, _, _, month] if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", month):
            print(f"{month!r} is no month. Write year and month, as in 2026-05.", file=sys.stderr)
            return 2
        case [workgroup, database, bucket, user_id, month] if all(arguments):
            try:
                answer(workgroup, database, bucket, user_id, month)
            except ClientError as error:
                print(f"AWS refuses a call: {error}", file=sys.stderr)
                return 1
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
