"""Distributed Map: reading, batching and writing items as the execution role, in both languages.

And of the inline Map, ``MaxConcurrencyPath``.
"""

from __future__ import annotations

import contextvars
import copy
import json
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from ministack.core.responses import now_iso
from ministack.services import stepfunctions as sfn

from local_aws.patches.rewriting import rewrite
from local_aws.patches.service_access import role_client
from local_aws.patches.step_functions import (
    SESSION,
    execution_role,
    require_a_payload_within_limits,
    still_running,
)

REQUIRED = (
    "ministack.services.stepfunctions._apply_jsonata_output",
    "ministack.services.stepfunctions._apply_jsonata_template",
    "ministack.services.stepfunctions._apply_output_path",
    "ministack.services.stepfunctions._apply_result_path",
    "ministack.services.stepfunctions._apply_result_selector",
    "ministack.services.stepfunctions._apply_state_assign",
    "ministack.services.stepfunctions._map_runs",
    "ministack.services.stepfunctions._next_or_end",
    "ministack.services.stepfunctions._parse_reader_items",
    "ministack.services.stepfunctions._resolve_params_obj",
    "ministack.services.stepfunctions._resolve_path_or_ctx",
    "ministack.services.stepfunctions._run_distributed_map",
    "ministack.services.stepfunctions._run_map_items",
    "ministack.services.stepfunctions._run_sub_machine",
    "ministack.services.stepfunctions._state_query_language",
)

# Threads per Map without a limit of its own; AWS runs up to 10,000 children at once.
DEFAULT_CONCURRENCY = 40


def apply() -> None:
    sfn._run_distributed_map = run_distributed_map
    # The inline Map reads the number only; a distributed one asks _Fields.
    rewrite(
        sfn,
        "_run_map_items",
        (
            'max_conc = state_def.get("MaxConcurrency", 0)',
            "max_conc = _max_concurrency(state_def, raw_input, effective, ctx)",
        ),
        _max_concurrency=_max_concurrency,
    )


def _max_concurrency(state: dict[str, Any], raw: Any, effective: Any, context: Any) -> int:
    return int(_Fields(state, raw, effective, context).number(state, "MaxConcurrency") or 0)


class _Fields:
    """The fields of one Map state, evaluated in its query language."""

    def __init__(self, state: dict[str, Any], raw: Any, effective: Any, context: Any) -> None:
        self.state, self.raw, self.effective, self.context = state, raw, effective, context
        self.jsonata = sfn._state_query_language(state, context) == "JSONata"

    def template(self, value: Any, context: Any = None) -> Any:
        context = context or self.context
        if self.jsonata:
            return sfn._apply_jsonata_template(value, self.raw, context)
        if isinstance(value, dict | list):
            return sfn._resolve_params_obj(value, self.effective, context)
        return value

    def field(self, owner: dict[str, Any], name: str) -> Any:
        """``name``, or what ``namePath`` points to; None when neither is there."""
        if f"{name}Path" in owner:
            return sfn._resolve_path_or_ctx(owner[f"{name}Path"], self.effective, self.context)
        return self.template(owner.get(name))

    def number(self, owner: dict[str, Any], name: str) -> float | None:
        value = self.field(owner, name)
        return None if value is None else float(value)


def run_distributed_map(
    state: Any, raw: Any, effective: Any, processor: Any, execution: Any, context: Any
) -> Any:
    """Run a child per item or batch; the signature is that of the function it replaces."""
    fields = _Fields(state, raw, effective, context)
    items = _items(fields)
    run = _MapRun(fields, processor, execution)
    run.process(_selected(fields, items))
    result = run.finish()
    if fields.jsonata:
        output = sfn._apply_jsonata_output(state, raw, context, result=result, default=result)
        sfn._apply_state_assign(state, raw, context, result=result)
        return output, sfn._next_or_end(state)
    result = sfn._apply_result_selector(state, result)
    output = sfn._apply_result_path(state, raw, result)
    return sfn._apply_output_path(state, output, context), sfn._next_or_end(state)


# -- items -------------------------------------------------------------------------------


def _items(fields: _Fields) -> list[Any]:
    state = fields.state
    if state.get("ItemReader"):
        return _read(fields, state["ItemReader"])
    if fields.jsonata:
        items = fields.template(state["Items"]) if "Items" in state else fields.raw
    else:
        path = state.get("ItemsPath", "$")
        items = sfn._resolve_path_or_ctx(path, fields.effective, fields.context)
    if isinstance(items, dict) and fields.jsonata:
        return [{"Key": key, "Value": value} for key, value in items.items()]
    return items if isinstance(items, list) else [items]


def _read(fields: _Fields, reader: dict[str, Any]) -> list[Any]:
    where = fields.template(reader.get("Arguments") or reader.get("Parameters") or {})
    config = reader.get("ReaderConfig") or {}
    limit = int(fields.number(config, "MaxItems") or 0)
    try:
        if str(reader.get("Resource", "")).endswith("s3:listObjectsV2"):
            items = _listed(where, config)
        else:
            items = _parsed(where, config)
    except (ClientError, BotoCoreError, ValueError) as error:
        raise sfn._ExecutionError("States.ItemReaderFailed", str(error)) from error
    return items[:limit] if limit else items


def _listed(where: dict[str, Any], config: dict[str, Any]) -> list[Any]:
    pages = role_client(execution_role(), "s3", SESSION).get_paginator("list_objects_v2")
    found: list[Any] = []
    for page in pages.paginate(**where):
        for entry in page.get("Contents", []):
            if config.get("Transformation") == "LOAD_AND_FLATTEN":
                found += _parsed({"Bucket": where["Bucket"], "Key": entry["Key"]}, config)
                continue
            found.append(
                {
                    "Etag": entry["ETag"],
                    "Key": entry["Key"],
                    "LastModified": int(entry["LastModified"].timestamp()),
                    "Size": entry["Size"],
                    "StorageClass": entry.get("StorageClass", "STANDARD"),
                }
            )
    return found


def _parsed(where: dict[str, Any], config: dict[str, Any]) -> list[Any]:
    kind = config.get("InputType", "JSON")
    if kind not in ("JSON", "JSONL", "CSV"):
        raise ValueError(f"InputType {kind} is not read by the local AWS; use JSON, JSONL or CSV.")
    body = role_client(execution_role(), "s3", SESSION).get_object(**where)["Body"].read()
    items = sfn._parse_reader_items(body.decode("utf-8-sig"), config)
    if not isinstance(items, list):
        raise ValueError("Attempting to map over non-iterable node.")
    return items


def _selected(fields: _Fields, items: list[Any]) -> list[tuple[Any, int]]:
    """The input of each child and the number of items in it."""
    selector = fields.state.get("ItemSelector") or fields.state.get("Parameters")
    inputs = []
    for index, item in enumerate(items):
        if selector:
            inner = {**fields.context, "Map": {"Item": {"Index": index, "Value": item}}}
            item = fields.template(selector, inner)
        inputs.append(item)
    batcher = fields.state.get("ItemBatcher")
    if not batcher:
        return [(item, 1) for item in inputs]
    most_items = int(fields.number(batcher, "MaxItemsPerBatch") or 0) or len(inputs) or 1
    most_bytes = int(fields.number(batcher, "MaxInputBytesPerBatch") or 0) or 262144
    shared = fields.template(batcher.get("BatchInput"))
    fixed = {"BatchInput": shared} if shared is not None else {}
    return [
        ({**fixed, "Items": batch}, len(batch))
        for batch in _batches(inputs, most_items, most_bytes)
    ]


def _batches(items: list[Any], most_items: int, most_bytes: int) -> list[list[Any]]:
    batches: list[list[Any]] = []
    size = 0
    for item in items:
        weight = len(json.dumps(item).encode()) + 1
        if not batches or len(batches[-1]) >= most_items or size + weight > most_bytes:
            batches.append([])
            size = 0
        batches[-1].append(item)
        size += weight
    return batches


# -- children ----------------------------------------------------------------------------

_COUNTS = (
    *("pending", "running", "succeeded", "failed", "timedOut", "aborted", "total"),
    *("resultsWritten", "failuresNotRedrivable", "pendingRedrive"),
)


class _MapRun:
    """One Map Run: its children, its counters and what it hands on."""

    def __init__(
        self, fields: _Fields, processor: dict[str, Any], execution: dict[str, Any]
    ) -> None:
        self.fields, self.processor, self.execution = fields, processor, execution
        _, _, _, region, account, _, machine = execution["stateMachineArn"].split(":")[:7]
        label = fields.state.get("Label") or str(uuid.uuid4())
        self.id = str(uuid.uuid4())
        self.machine_arn = f"arn:aws:states:{region}:{account}:stateMachine:{machine}/{label}"
        self.arn = f"arn:aws:states:{region}:{account}:mapRun:{machine}/{label}:{self.id}"
        self.child_prefix = f"arn:aws:states:{region}:{account}:execution:{machine}/{label}:"
        self.most_failures = fields.number(fields.state, "ToleratedFailureCount")
        self.most_percent = fields.number(fields.state, "ToleratedFailurePercentage")
        self.children: list[dict[str, Any]] = []
        self.lock = threading.Lock()
        self.record: dict[str, Any] = {
            "mapRunArn": self.arn,
            "executionArn": execution["executionArn"],
            "status": "RUNNING",
            "startDate": now_iso(),
            "maxConcurrency": int(fields.number(fields.state, "MaxConcurrency") or 0),
            "toleratedFailurePercentage": self.most_percent or 0.0,
            "toleratedFailureCount": int(self.most_failures or 0),
            "itemCounts": dict.fromkeys(_COUNTS, 0),
            "executionCounts": dict.fromkeys(_COUNTS, 0),
            "redriveCount": 0,
            "_stateMachineArn": self.machine_arn,
        }
        sfn._map_runs[self.arn] = self.record

    def process(self, inputs: list[tuple[Any, int]]) -> None:
        total = sum(size for _, size in inputs)
        self.record["itemCounts"].update(total=total, pending=total)
        self.record["executionCounts"].update(total=len(inputs), pending=len(inputs))
        self.children = [self._child(data) for data, _ in inputs]
        workers = self.record["maxConcurrency"] or min(len(inputs), DEFAULT_CONCURRENCY) or 1
        with ThreadPoolExecutor(max_workers=workers) as pool:
            # Each child needs a context of its own: one cannot be entered by two threads.
            wait(
                [
                    pool.submit(contextvars.copy_context().run, self._run, child, size)
                    for child, (_, size) in zip(self.children, inputs, strict=True)
                ]
            )

    def _child(self, data: Any) -> dict[str, Any]:
        name = str(uuid.uuid4())
        return {
            "executionArn": self.child_prefix + name,
            "stateMachineArn": self.machine_arn,
            "name": name,
            "status": "PENDING",
            "startDate": now_iso(),
            "stopDate": None,
            "input": json.dumps(data),
            "inputDetails": {"included": True},
            "output": None,
            "outputDetails": {"included": True},
            "mapRunArn": self.arn,
            "events": [],
            "testCase": self.execution.get("testCase"),
            "mockAttempts": {},
        }

    def _run(self, child: dict[str, Any], size: int) -> None:
        if self.exceeded() or not still_running():
            child["status"] = "ABORTED"
            self._count(size, "pending", "aborted")
            return
        child.update(status="RUNNING", startDate=now_iso())
        sfn._executions[child["executionArn"]] = child
        self._count(size, "pending", "running")
        data = json.loads(child["input"])
        context = copy.deepcopy(self.fields.context)
        # A child is an execution of its own: its context names it, and outer variables are gone.
        context["Execution"] = {
            "Id": child["executionArn"],
            "Input": data,
            "Name": child["name"],
            "StartTime": child["startDate"],
        }
        context["variables"] = {}
        try:
            output = sfn._run_sub_machine(
                self.processor.get("States", {}),
                self.processor.get("StartAt"),
                data,
                child,
                context,
            )
            child.update(status="SUCCEEDED", output=json.dumps(output))
        except sfn._ExecutionError as error:
            child.update(status="FAILED", error=error.error, cause=error.cause)
        except Exception as error:  # a defect of the emulator must fail the child, not the thread
            child.update(status="FAILED", error="States.Runtime", cause=repr(error))
        child["stopDate"] = now_iso()
        self._count(size, "running", child["status"].lower())

    def _count(self, size: int, before: str, after: str) -> None:
        with self.lock:
            for counts, change in (
                (self.record["itemCounts"], size),
                (self.record["executionCounts"], 1),
            ):
                counts[before] -= change
                counts[after] += change

    def exceeded(self) -> bool:
        """Whether more items failed than the state tolerates (none, when it says nothing)."""
        counts = self.record["itemCounts"]
        failed = counts["failed"]
        if self.most_failures is None and self.most_percent is None:
            return bool(failed)
        return (self.most_failures is not None and failed > self.most_failures) or (
            self.most_percent is not None and failed * 100 > self.most_percent * counts["total"]
        )

    def finish(self) -> Any:
        """The state's result: the outputs, or where they were written."""
        failed = self.exceeded()
        self.record.update(status="FAILED" if failed else "SUCCEEDED", stopDate=now_iso())
        writer = self.fields.state.get("ResultWriter") or {}
        written = self._write(writer) if writer.get("Resource") else None
        if failed:
            first = next((c for c in self.children if c["status"] == "FAILED"), {})
            raise sfn._ExecutionError(
                "States.ExceedToleratedFailureThreshold",
                "The specified tolerated failure threshold was exceeded. First failure: "
                f"{first.get('error')}: {first.get('cause')}",
            )
        if written is not None:
            return written
        outputs = [json.loads(c["output"]) if c["output"] else None for c in self.children]
        if (writer.get("WriterConfig") or {}).get("Transformation") == "FLATTEN":
            outputs = _flattened(outputs)
        # Put together before ResultSelector and ResultPath, so that no `ResultPath: null` helps.
        require_a_payload_within_limits("Map", outputs)
        return outputs

    def _write(self, writer: dict[str, Any]) -> dict[str, Any]:
        """Write the results and their manifest; the format is the guide's "ResultWriter"."""
        where = self.fields.template(writer.get("Arguments") or writer.get("Parameters") or {})
        config = {"OutputType": "JSON", "Transformation": "NONE"} | (
            writer.get("WriterConfig") or {}
        )
        prefix = str(where.get("Prefix") or "").rstrip("/")
        folder = f"{prefix}/{self.id}" if prefix else self.id
        client = role_client(execution_role(), "s3", SESSION)
        files: dict[str, list[dict[str, Any]]] = {"FAILED": [], "PENDING": [], "SUCCEEDED": []}
        try:
            for status in ("SUCCEEDED", "FAILED"):
                children = [c for c in self.children if c["status"] == status]
                if not children:
                    continue
                body, suffix = _result_file(children, config)
                key = f"{folder}/{status}_0.{suffix}"
                client.put_object(Bucket=where["Bucket"], Key=key, Body=body)
                files[status].append({"Key": key, "Size": len(body)})
                self.record["itemCounts"]["resultsWritten"] += len(children)
            manifest = {
                "DestinationBucket": where["Bucket"],
                "MapRunArn": self.arn,
                "ResultFiles": files,
            }
            key = f"{folder}/manifest.json"
            client.put_object(Bucket=where["Bucket"], Key=key, Body=json.dumps(manifest).encode())
        except (ClientError, BotoCoreError) as error:
            raise sfn._ExecutionError("States.ResultWriterFailed", str(error)) from error
        details = {"Bucket": where["Bucket"], "Key": key}
        return {"MapRunArn": self.arn, "ResultWriterDetails": details}


_WRITTEN = (
    *("ExecutionArn", "Input", "InputDetails", "Name", "Output", "OutputDetails"),
    *("StartDate", "StateMachineArn", "Status", "StopDate", "Error", "Cause"),
)


def _result_file(children: list[dict[str, Any]], config: dict[str, str]) -> tuple[bytes, str]:
    results: list[Any]
    if config["Transformation"] == "NONE" or children[0]["status"] == "FAILED":
        by_lower = {name.lower(): name for name in _WRITTEN}
        results = [
            {
                by_lower[k.lower()]: v
                for k, v in child.items()
                if k.lower() in by_lower and v is not None
            }
            for child in children
        ]
        for result in results:
            for side in ("InputDetails", "OutputDetails"):
                result[side] = {"Included": True}
    else:
        results = [json.loads(child["output"]) for child in children]
        if config["Transformation"] == "FLATTEN":
            results = _flattened(results)
    if config["OutputType"] == "JSONL":
        return "".join(json.dumps(r) + "\n" for r in results).encode(), "jsonl"
    return json.dumps(results).encode(), "json"


def _flattened(outputs: list[Any]) -> list[Any]:
    return [
        item for output in outputs for item in (output if isinstance(output, list) else [output])
    ]
