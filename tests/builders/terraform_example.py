"""Plan and destroy of an applied example: pending changes, and resources that are left."""

from __future__ import annotations

import os
import re
import subprocess
from typing import Any

from tests.builders.local_account import LocalAccount


def outputs(state: Any) -> dict[str, Any]:
    """The outputs of a pytest-terraform fixture by name."""
    return {name: output["value"] for name, output in state.outputs.items()}


def second_plan(state: Any) -> str:
    """The text of a plan made after the apply; empty when nothing would change."""
    runner = state.terraform
    command = [runner.tf_bin, "plan", "-detailed-exitcode", "-no-color", "-input=false"]
    run = subprocess.run(
        [*command, f"-state={runner.state_path}"],
        cwd=runner.module_dir,
        env={**os.environ, "TF_DATA_DIR": runner.work_dir},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return "" if run.returncode == 0 else run.stdout


def left_behind(account: LocalAccount, name: str) -> list[str]:
    """Names that begin with an example's name and are still in the account."""
    listings: dict[str, tuple[str, str, str]] = {
        "athena": ("list_work_groups", "WorkGroups", "Name"),
        "cloudwatch": ("describe_alarms", "MetricAlarms", "AlarmName"),
        "dynamodb": ("list_tables", "TableNames", ""),
        "firehose": ("list_delivery_streams", "DeliveryStreamNames", ""),
        "glue": ("get_databases", "DatabaseList", "Name"),
        "iam": ("list_roles", "Roles", "RoleName"),
        "kinesis": ("list_streams", "StreamNames", ""),
        "lambda": ("list_functions", "Functions", "FunctionName"),
        "logs": ("describe_log_groups", "logGroups", "logGroupName"),
        "pinpoint-sms-voice-v2": (
            "describe_configuration_sets",
            "ConfigurationSets",
            "ConfigurationSetName",
        ),
        "s3": ("list_buckets", "Buckets", "Name"),
        "sesv2": ("list_configuration_sets", "ConfigurationSets", ""),
        "sns": ("list_topics", "Topics", "TopicArn"),
        "sqs": ("list_queues", "QueueUrls", ""),
        "stepfunctions": ("list_state_machines", "stateMachines", "name"),
    }
    found = []
    for service, (operation, member, key) in listings.items():
        client = account.client(service)
        pages: Any = (
            client.get_paginator(operation).paginate()
            if client.can_paginate(operation)
            else [getattr(client, operation)()]
        )
        for item in (item for page in pages for item in page.get(member, [])):
            whole = item[key] if key else item
            own = re.split("[/:]", whole)[-1]
            if own == name or own.startswith((f"{name}-", f"{name}_")):
                found.append(f"{service} {whole}")
    return found
