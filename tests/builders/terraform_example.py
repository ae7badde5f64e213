"""Plan and destroy of an applied example: pending changes, and resources that are left."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
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


def without_implied_dependencies(state: Path) -> None:
    """Leave out of a state the dependencies that its other dependencies imply.

    A resource of a state names each resource that it needs in any number of steps, and Terraform
    orders and prints that graph again and again while it destroys: half of its CPU time. The order
    of the destruction stays the same. Data sources are not destroyed.
    """
    document = json.loads(state.read_text())
    needed: dict[str, set[str]] = {}
    for resource in document["resources"]:
        for instance in resource["instances"]:
            managed = {one for one in instance.get("dependencies", []) if ".data." not in f".{one}"}
            needed.setdefault(_address(resource), set()).update(managed)
    for resource in document["resources"]:
        own = needed.get(_address(resource), set()) if resource["mode"] == "managed" else set()
        implied = set().union(*(needed.get(one, set()) for one in own))
        for instance in resource["instances"]:
            instance["dependencies"] = sorted(own - implied)
    state.write_text(json.dumps(document))


def _address(resource: Mapping[str, Any]) -> str:
    """The address of a state's resource as dependencies name it, without keys of instances."""
    module = re.sub(r"\[[^]]*\]", "", resource.get("module", ""))
    data = "data." if resource["mode"] == "data" else ""
    return f"{module}.{data}{resource['type']}.{resource['name']}".removeprefix(".")


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
