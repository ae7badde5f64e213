"""The chain on the local AWS: wall time for 1,000 and 10,000 rows, and API calls by stage.

Applies examples/import_validate_campaign with the quotas of PhoneNumberValidate and of text
messages lifted, so that the figure is the chain's own, and drops files of numbers never seen
before. Wall time runs from the upload to the last notification. The hub's API calls are the
invocations of its API function, its writes are the invocations that its log calls
UpdateEndpoint or UpdateEndpointsBatch; figures are medians of five files, from the first on.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import time
import urllib.request
from itertools import count
from typing import Any

import boto3

from benchmarks import Figure
from tools import demo, local_environment

SIZES = (1_000, 10_000)
REPEATS = 5
UNLIMITED = 1_000  # more than one machine gets through
FIGURES = {
    key: figure
    for size in SIZES
    for key, figure in {
        f"{size}_rows_seconds": Figure(
            f"The chain on the local AWS without quotas, from the upload of a file of {size:,} new "
            "people to the last notification",
            "s",
        ),
        f"{size}_rows_*_api_calls_per_1000": Figure(
            f"Calls of the hub's API per 1,000 rows of a file of {size:,}, by stage of the chain",
            "calls",
        ),
        f"{size}_rows_endpoint_writes_per_100": Figure(
            f"Calls of the hub's API that write endpoints, per 100 rows of a file of {size:,}, in "
            "all stages of the chain",
            "calls",
            at_most=1,
            headline=size == max(SIZES),
        ),
    }.items()
}
HEADER = "ChannelType,Address,User.UserId,User.UserAttributes.FirstName,Location.Country"


def logged(function_name: str, word: str) -> int:
    """Count the lines of the function's log that hold the word."""
    pages = boto3.client("logs").get_paginator("filter_log_events")
    lines = pages.paginate(logGroupName=f"/aws/lambda/{function_name}", filterPattern=word)
    return sum(len(page["events"]) for page in lines)


def api_calls(function_name: str) -> int:
    """Count the invocations of the hub's API function by the reports in its log."""
    return logged(function_name, "REPORT")


def endpoint_writes(function_name: str) -> int:
    """Count the invocations that wrote endpoints: the function logs each operation once."""
    return logged(function_name, "UpdateEndpoint")


def rows(size: int, numbers: Any) -> str:
    """Write a file of people with numbers that are new to the project."""
    lines = [HEADER]
    for _ in range(size):
        number = next(numbers)
        digits = f"+1206{234 + number // 10_000:03d}{number % 10_000:04d}"
        lines.append(f"SMS,{digits},bench-{number},Ada,US")
    return "\n".join(lines) + "\n"


def one_file(
    outputs: dict[str, Any], notifications: demo.Notifications, name: str, content: str
) -> dict[str, Any]:
    """Drop one file; return its seconds, the API calls of each stage and the endpoint writes."""
    function_name = (
        f"{outputs['state_machine_arns']['import'].split(':')[-1].split('-')[0]}-hub-api"
    )
    before, writes_before = api_calls(function_name), endpoint_writes(function_name)
    started = time.monotonic()
    boto3.client("s3").put_object(
        Bucket=outputs["import_bucket"],
        Key=f"{outputs['import_prefix']}{name}",
        Body=content.encode(),
    )
    calls: dict[str, int] = {}
    for stage, subject, _ in notifications.follow():
        if subject.endswith("Successful"):
            calls[stage] = api_calls(function_name) - before - sum(calls.values())
    seconds = time.monotonic() - started
    writes = endpoint_writes(function_name) - writes_before
    return {"seconds": seconds, "calls": calls, "writes": writes}


def medians(size: int, files: list[dict[str, Any]]) -> dict[str, Any]:
    """Compute the figures of one size of file."""
    seconds = statistics.median(file["seconds"] for file in files)
    figures = {f"{size}_rows_seconds": round(seconds, 1)}
    writes = statistics.median(file["writes"] for file in files)
    figures[f"{size}_rows_endpoint_writes_per_100"] = round(writes / size * 100, 2)
    for stage in demo.STAGES:
        calls = statistics.median(file["calls"][stage] for file in files)
        figures[f"{size}_rows_{stage}_api_calls_per_1000"] = round(calls / size * 1000, 1)
    return figures


def run() -> dict[str, Any]:
    port = local_environment.free_port()
    shutil.rmtree(demo.STATE, ignore_errors=True)
    demo.STATE.mkdir(parents=True)
    before = dict(os.environ)
    local_environment.local_aws("up", "--port", str(port))
    try:
        local_environment.use_local_aws(port)
        request = urllib.request.Request(
            f"{os.environ['AWS_ENDPOINT_URL']}/_local/phone-number-validate",
            data=json.dumps({"per_second": UNLIMITED}).encode(),
            headers={"Content-Type": "application/json"},
        )
        urllib.request.urlopen(request).close()
        outputs = demo.apply(
            f"-var=validations_per_second={UNLIMITED}", f"-var=messages_per_second={UNLIMITED}"
        )
        notifications = demo.Notifications(outputs["notification_topic_arns"])
        numbers = count()
        figures: dict[str, Any] = {"repeats": REPEATS}
        for size in SIZES:
            files = [
                one_file(outputs, notifications, f"{size}-{n}.csv", rows(size, numbers))
                for n in range(REPEATS)
            ]
            figures |= medians(size, files)
        return figures
    finally:
        local_environment.local_aws("down", "--port", str(port))
        shutil.rmtree(demo.STATE, ignore_errors=True)
        os.environ.clear()
        os.environ.update(before)


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
