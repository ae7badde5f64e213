"""``make demo``: a CSV of people goes in, personalised text messages come out.

Starts a local AWS of its own, applies ``examples/import_validate_campaign`` to it with the
Terraform of this machine, puts the file into the import bucket, and follows the three state
machines by the notifications they publish. Everything is removed again unless ``--keep``.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from rich.console import Console
from rich.table import Table

from engagement_hub.engagement.import_rows import ImportFileError, read_rows
from tools import terraform_run
from tools.errors import ToolError
from tools.local_environment import free_port, local_aws, use_local_aws
from tools.subscriptions import subscribed_queue

ROOT = terraform_run.ROOT
EXAMPLE = ROOT / "examples" / "import_validate_campaign"
STATE = ROOT / ".local" / "demo"
STAGES = ("import", "validate", "campaign")
STAGE_TIMEOUT_SECONDS = 180
FIRST_MESSAGES = 5

console = Console()


class UnusableFile(ToolError):
    """Nothing of the file could be imported."""


class StageFailed(ToolError):
    """A stage ended with a failure notification, or sent no notification in time."""


def check_importable(path: Path) -> None:
    """Judge the file by the rules of the import, before anything is deployed.

    Raises:
        UnusableFile: it cannot be read, is no CSV in UTF-8, its header is wrong, or it has no rows.
    """
    try:
        with path.open("rb") as file:
            first = next(read_rows(file, "CSV", name=path.name), None)
    except OSError as error:
        raise UnusableFile(
            f"FILE={path} cannot be read ({error.strerror}): name a CSV file, "
            "as in `make demo FILE=people.csv`."
        ) from error
    except ImportFileError as error:
        raise UnusableFile(f"FILE={path} cannot be imported. {error}") from error
    if first is None:
        raise UnusableFile(
            f"FILE={path} has a header and no rows: it needs a line for each person "
            "(docs/files.md)."
        )


@contextmanager
def step(text: str) -> Iterator[None]:
    """Show a step while it runs (on a terminal with a spinner), and how long it took."""
    started = time.monotonic()
    if console.is_terminal:
        with console.status(text):
            yield
    else:
        console.print(f"… {text}", highlight=False)
        yield
    console.print(f"✓ {text} ({time.monotonic() - started:.0f} s)", highlight=False)


def terraform(*arguments: str) -> str:
    """Run Terraform on the example with the state of this demo."""
    run = terraform_run.run(EXAMPLE, *arguments, environ={"TF_DATA_DIR": str(STATE / "data")})
    if run.returncode != 0:
        raise ToolError(f"terraform {arguments[0]} failed:\n{run.stdout}")
    return run.stdout


def apply(*variables: str) -> dict[str, Any]:
    """Apply the example with these ``-var=`` options; return its outputs by name."""
    state = f"-state={STATE / 'terraform.tfstate'}"
    terraform("init", "-input=false", "-no-color")
    terraform("apply", "-input=false", "-no-color", "-auto-approve", state, *variables)
    outputs = json.loads(terraform("output", "-json", state))
    return {name: output["value"] for name, output in outputs.items()}


class Notifications:
    """The notifications of the stages, read from a queue that is subscribed to their topics."""

    def __init__(self, topics: dict[str, str]) -> None:
        self.sqs = boto3.client("sqs")
        self.url = subscribed_queue("demo-notifications", topics.values())
        self.stage_of = {topic: stage for stage, topic in topics.items()}

    def follow(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Yield each notification as (stage, subject, body) until the last stage has ended.

        Raises:
            StageFailed: a stage failed, or no notification arrived in time.
        """
        deadline = time.monotonic() + STAGE_TIMEOUT_SECONDS
        while time.monotonic() < deadline:
            answer = self.sqs.receive_message(
                QueueUrl=self.url, WaitTimeSeconds=2, MaxNumberOfMessages=10
            )
            for message in answer.get("Messages", []):
                envelope = json.loads(message["Body"])
                self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
                stage = self.stage_of[envelope["TopicArn"]]
                kind = envelope["MessageAttributes"]["notification_type"]["Value"]
                body = json.loads(envelope["Message"])
                yield stage, envelope["Subject"], body
                if kind == "failure":
                    raise StageFailed(f"{envelope['Subject']}: {json.dumps(body, indent=2)}")
                if (stage, kind) == (STAGES[-1], "success"):
                    return
                deadline = time.monotonic() + STAGE_TIMEOUT_SECONDS
        raise StageFailed(f"No stage has said anything for {STAGE_TIMEOUT_SECONDS} s.")


def outbox() -> list[dict[str, Any]]:
    """Return the text messages sent so far."""
    with urllib.request.urlopen(f"{os.environ['AWS_ENDPOINT_URL']}/_local/outbox/sms") as answer:
        messages: list[dict[str, Any]] = json.load(answer)
    return messages


def show(bodies: dict[str, dict[str, Any]]) -> None:
    """Print the outcomes of the people in the file as a table, and the first messages."""
    imported = bodies["import"]["ImportResult"]
    validated = bodies["validate"]["ValidatePhoneResult"]["ValidateOutput"]
    campaign = bodies["campaign"]["CampaignCreateResult"]["CampaignCreateOutput"]
    messages = outbox()
    table = Table(title="What became of the people in the file")
    for column in ("imported", "rejected", "valid", "invalid", "sent"):
        table.add_column(column, justify="right")
    table.add_row(
        str(imported["TotalProcessed"] - imported["TotalFailures"]),
        str(imported["TotalFailures"]),
        str(validated["ValidPhoneNumbers"]),
        str(validated["InvalidPhoneNumbers"]),
        str(campaign["SuccessfulEndpointCount"]),
    )
    console.print(table)
    console.print(
        "Rows with one address are one endpoint. Landlines, and all but one of the endpoints with "
        "the same number, get no message."
    )
    for failure in imported.get("Failures", [])[:FIRST_MESSAGES]:
        console.print(f"  rejected: {failure}", highlight=False, markup=False)
    for message in messages[:FIRST_MESSAGES]:
        console.print(f"  {message['to']}  {message['body']}", highlight=False, markup=False)
    console.print(f"  … {len(messages)} messages in the outbox", highlight=False)


def run(file: Path, *, keep: bool) -> None:
    """Run the whole demo; see the module's docstring."""
    check_importable(file)
    started = time.monotonic()
    port = free_port()
    shutil.rmtree(STATE, ignore_errors=True)
    STATE.mkdir(parents=True)
    with step("local AWS started"):
        local_aws("up", "--port", str(port))
    try:
        use_local_aws(port)
        with step("examples/import_validate_campaign applied"):
            outputs = apply()
        notifications = Notifications(outputs["notification_topic_arns"])
        with step(f"{file.name} put into {outputs['import_bucket']}"):
            key = f"{outputs['import_prefix']}{file.name}"
            boto3.client("s3").upload_file(str(file), outputs["import_bucket"], key)
        bodies: dict[str, dict[str, Any]] = {}
        for stage, subject, body in notifications.follow():
            console.print(f"• {subject}", highlight=False)
            bodies[stage] = body
        show(bodies)
        console.print(f"Done in {time.monotonic() - started:.0f} s.", highlight=False)
        if keep:
            console.print(
                f'It is still up: eval "$(make -s local-env PORT={port})", then look at\n'
                f"  curl {os.environ['AWS_ENDPOINT_URL']}/_local/outbox/sms\n"
                f"and end it with `make local-down PORT={port}`.",
                highlight=False,
                markup=False,
            )
    finally:
        if not keep:
            with step("local AWS stopped, everything removed"):
                local_aws("down", "--port", str(port))
                shutil.rmtree(STATE, ignore_errors=True)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="make demo")
    parser.add_argument("file", type=Path, help="CSV of people")
    parser.add_argument("--keep", action="store_true", help="leave the local AWS running")
    options = parser.parse_args(arguments)
    try:
        run(options.file, keep=options.keep)
    except ToolError as error:
        console.print(str(error), style="red", highlight=False, markup=False)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
