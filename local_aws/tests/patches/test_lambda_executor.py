"""What a function sees of its environment and what its caller sees of its errors."""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from builders.ministack_server import MinistackServer, ministack_server, wait_for

CODE = """
import logging, os
logging.getLogger().setLevel("INFO")
calls = []

class NotToday(Exception):
    pass

def handler(event, context):
    calls.append(1)
    if event.get("say"):
        logging.getLogger("app").info("said %s", event["say"])
    if event.get("fail"):
        raise NotToday("come back")
    if event.get("import"):
        __import__(event["import"])
    if event.get("size"):
        return "x" * event["size"]
    return {"environment": dict(os.environ), "calls": len(calls)}
"""


SLOW = """
import os, pathlib, time

def handler(event, context):
    if "waits_in" in event:
        folder = pathlib.Path(event["waits_in"])
        (folder / "begun").touch()
        while not (folder / "go").exists():
            time.sleep(0.05)
    return {"process": os.getpid(), "setting": os.environ.get("SETTING")}
"""


@pytest.fixture(scope="module")
def aws() -> Iterator[MinistackServer]:
    with ministack_server() as server:
        role = server.role("function", "lambda.amazonaws.com")
        server.function("probe", CODE, role, Environment={"Variables": {"OWN": "yes"}})
        server.function("lacks", "import not_in_the_zip\n", role)
        server.function("slow", SLOW, role, Timeout=20)
        server.function("quiet", "def handler(event, context):\n    return None\n", role)
        yield server


def invoke(aws: MinistackServer, event: dict[str, Any], name: str = "probe") -> tuple[Any, str]:
    answer = aws.client("lambda").invoke(
        FunctionName=name, Payload=json.dumps(event), LogType="Tail"
    )
    return json.loads(answer["Payload"].read()), base64.b64decode(
        answer.get("LogResult", "")
    ).decode()


def test_an_error_is_named_by_its_class_and_the_environment_survives_it(
    aws: MinistackServer,
) -> None:
    before, _ = invoke(aws, {})

    error, _ = invoke(aws, {"fail": True})
    after, _ = invoke(aws, {})

    assert (error["errorType"], error["errorMessage"]) == ("NotToday", "come back")
    assert "in handler" in error["stackTrace"][-1]
    assert after["calls"] == before["calls"] + 2


def test_a_module_missing_from_the_package_fails_as_in_lambda(aws: MinistackServer) -> None:
    error, _ = invoke(aws, {}, "lacks")

    assert error["errorType"] == "Runtime.ImportModuleError"
    assert error["errorMessage"] == (
        "Unable to import module 'app': No module named 'not_in_the_zip'"
    )


@pytest.mark.parametrize("package", ["ministack", "hypercorn", "pytest"])
def test_packages_of_the_host_are_not_there(aws: MinistackServer, package: str) -> None:
    error, _ = invoke(aws, {"import": package})

    assert error["errorType"] == "ModuleNotFoundError"


def test_the_sdk_of_the_runtime_is_there(aws: MinistackServer) -> None:
    answer, _ = invoke(aws, {"import": "boto3"})

    assert "errorType" not in answer


def test_the_environment_is_the_functions_own(aws: MinistackServer) -> None:
    answer, _ = invoke(aws, {})

    seen = answer["environment"]
    assert not {"AUTH", "GATEWAY_PORT", "PYTHONPATH", "HOME", "PYTHONWARNINGS"} & set(seen)
    assert seen["OWN"] == "yes"
    assert seen["_HANDLER"] == "app.handler"
    assert seen["AWS_EXECUTION_ENV"] == "AWS_Lambda_python3.13"
    assert seen["AWS_LAMBDA_LOG_GROUP_NAME"] == "/aws/lambda/probe"


def test_log_records_without_a_handler_of_their_own_are_in_the_log_of_their_invocation(
    aws: MinistackServer,
) -> None:
    logs = [invoke(aws, {"say": word})[1] for word in ("one", "two", "three")]

    for word, log in zip(("one", "two", "three"), logs, strict=True):
        assert [line for line in log.splitlines() if "said" in line][-1].endswith(f"said {word}")
        assert log.count("said") == 1


def test_a_response_over_six_megabytes_is_an_error(aws: MinistackServer) -> None:
    error, _ = invoke(aws, {"size": 6 * 1024 * 1024})

    assert error["errorType"] == "Function.ResponseSizeTooLarge"


def test_a_quiet_function_answers_without_waiting_for_its_log(aws: MinistackServer) -> None:
    client = aws.client("lambda")
    client.invoke(FunctionName="quiet", Payload="{}")

    def answers_at_once() -> bool:
        start = time.monotonic()
        client.invoke(FunctionName="quiet", Payload="{}")
        return time.monotonic() - start < 0.045  # seconds; waiting for the log takes 50 ms

    wait_for(answers_at_once)  # on a busy machine the first may take longer for other reasons


def test_an_update_lets_the_running_invocation_finish_and_ends_its_environment(
    aws: MinistackServer, tmp_path: Path
) -> None:
    old, _ = invoke(aws, {}, "slow")

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(invoke, aws, {"waits_in": str(tmp_path)}, "slow")
        wait_for((tmp_path / "begun").exists)
        aws.client("lambda").update_function_configuration(
            FunctionName="slow", Environment={"Variables": {"SETTING": "new"}}
        )
        after, _ = invoke(aws, {}, "slow")
        (tmp_path / "go").touch()
        finished, _ = running.result()

    assert finished == {"process": old["process"], "setting": None}
    assert after["setting"] == "new"
    with pytest.raises(ProcessLookupError):
        os.kill(old["process"], 0)  # signal 0 only asks whether the process is there
