"""Functions run in an environment like Lambda's: its variables, packages, errors and limits."""

from __future__ import annotations

import functools
import importlib.util
import json
import logging
import os
import queue
import tempfile
import time
from pathlib import Path
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from local_aws.names import MinistackChanged
from local_aws.patches.rewriting import rewrite

REQUIRED = (
    "ministack.core.lambda_runtime.Worker._drain_stderr_bounded",
    "ministack.core.lambda_runtime.Worker._spawn",
    "ministack.core.lambda_runtime.Worker.invoke",
    "ministack.core.lambda_runtime._PYTHON_WORKER_SCRIPT",
    "ministack.core.lambda_runtime._lock",
    "ministack.core.lambda_runtime._workers",
    "ministack.core.lambda_runtime.invalidate_worker",
    "ministack.core.lambda_runtime.kill_workers",
    "ministack.core.lambda_runtime.release_worker",
    "ministack.services.lambda_svc._provided_runtime_code_dir",
    "ministack.services.lambda_svc._emit_lambda_logs",
    "ministack.services.lambda_svc._execute_function_warm",
    "ministack.services.lambda_svc.invalidate_worker",
    "ministack.services.lambda_svc.release_worker",
)

logger = logging.getLogger(__name__)

MAX_RESPONSE_BYTES = 6 * 1024 * 1024  # "Lambda quotas": invocation payload, synchronous
# Printed by the worker on standard error when an invocation ends: all its lines came before.
END_OF_LOG = "\x1eend of invocation\x1e"
# What a function may see of the machine it runs on; everything else of the host stays outside.
HOST_VARIABLES = ("PATH", "LANG", "TMPDIR", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "SYSTEMROOT")
# What the python3.13 runtime brings along, besides the standard library.
RUNTIME_PACKAGES = (
    *("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six"),
    "snapshot_restore_py",
)


def apply() -> None:
    lambda_runtime._PYTHON_WORKER_SCRIPT = worker_script(lambda_runtime._PYTHON_WORKER_SCRIPT)
    _start_workers_like_lambda()
    _keep_error_types()
    lambda_runtime.Worker._drain_stderr_bounded = _drain_log
    _limit_responses()
    _let_invocations_finish()


@functools.lru_cache(maxsize=1)
def runtime_directory() -> Path:
    """A directory that holds only the runtime's packages, as links to the installed ones."""
    directory = Path(tempfile.mkdtemp(prefix="local-aws-runtime-"))
    for package in RUNTIME_PACKAGES:
        spec = importlib.util.find_spec(package)
        if spec is None or spec.origin is None:
            continue
        source = Path(spec.origin)
        source = source.parent if source.name == "__init__.py" else source
        (directory / source.name).symlink_to(source)
    return directory


def host_environment() -> dict[str, str]:
    """The variables a function starts from."""
    shared = {name: os.environ[name] for name in HOST_VARIABLES if name in os.environ}
    # The developer's own AWS profile is not the function's.
    no_profile = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    return shared | no_profile | {"TZ": ":UTC"}


def runtime_variables(config: dict[str, Any]) -> dict[str, str]:
    """The reserved variables that the emulator leaves out."""
    name = config.get("FunctionName", "")
    group = (config.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{name}"
    return {
        "_HANDLER": config.get("Handler", ""),
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{config.get('Runtime', '')}",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": group,
    }


# Of Worker._spawn.
_EXTRACTION = (
    'code_dir = os.path.join(self._tmpdir, "code")',
    "    os.makedirs(code_dir)",
    '    with open(os.path.join(self._tmpdir, "code.zip"), "wb") as f:',
    "        f.write(self.code_zip)",
    '    with zipfile.ZipFile(os.path.join(self._tmpdir, "code.zip")) as zf:',
    "        zf.extractall(code_dir)",
)


def _start_workers_like_lambda() -> None:
    rewrite(
        lambda_runtime.Worker,
        "_spawn",
        (
            "\n".join(_EXTRACTION),
            'if runtime.startswith("python"):\n'
            '        code_dir = _code_directory(self.code_zip)\n'
            "    else:\n"
            + "\n".join(f"        {line.removeprefix('    ')}" for line in _EXTRACTION),
        ),
        (
            "spawn_env = {**os.environ, **env_vars}",
            "spawn_env = {**_host_environment(), **env_vars}",
        ),
        (
            "self._proc = subprocess.Popen(\n        [binary, worker_path],",
            'if runtime.startswith("python"):\n'
            "        spawn_env.update(_runtime_variables(self.config))\n"
            "        # -S: the packages of the emulator's own environment are not the function's.\n"
            '        command = [binary, "-S", worker_path, _runtime_directory()]\n'
            "    else:\n"
            "        command = [binary, worker_path]\n"
            "    self._proc = subprocess.Popen(\n        command,",
        ),
        (
            "raise RuntimeError(f\"Worker init failed: {response.get('error')}\")",
            "raise _InitFailed(response)",
        ),
        # Unpacking a package and compiling its modules is most of a cold start here; the environments
        # of a package share both.
        _code_directory=lambda_svc._provided_runtime_code_dir,
        _host_environment=host_environment,
        _runtime_variables=runtime_variables,
        _runtime_directory=lambda: str(runtime_directory()),
        _InitFailed=InitFailed,
    )
    # Lambda keeps the environment when a handler raises; only a dead worker starts anew.
    rewrite(
        lambda_runtime.Worker,
        "invoke",
        (
            'if response.get("status") == "error":',
            'if response.get("status") == "error" and "type" not in response:',
        ),
    )


class InitFailed(RuntimeError):
    """The function's module could not be imported; ``response`` is the worker's message."""

    def __init__(self, response: dict[str, Any]) -> None:
        self.error_type = response.get("type", "Runtime.Unknown")
        super().__init__(response.get("error", ""))


def _keep_error_types() -> None:
    rewrite(
        lambda_svc,
        "_execute_function_warm",
        (
            'error_type = "Runtime.HandlerError"',
            'error_type = result.get("type", "Runtime.ExitError")',
        ),
        (
            '"errorType": error_type,',
            '"errorType": error_type, "requestId": request_id, '
            '"stackTrace": result.get("stack", []),',
        ),
        (
            '"errorType": type(e).__name__}',
            '"errorType": getattr(e, "error_type", type(e).__name__)}',
        ),
        ('"log": "",\n        }\n    finally:', '"log": f"[ERROR] {e}",\n        }\n    finally:'),
    )


def _limit_responses() -> None:
    execute = lambda_svc._execute_function_warm

    def execute_limited(func: dict[str, Any], event: Any, request_id: str) -> Any:
        result = execute(func, event, request_id)
        if not result.get("error"):
            size = len(json.dumps(result.get("body")).encode())
            if size > MAX_RESPONSE_BYTES:
                text = f"Response payload size ({size} bytes) exceeded maximum allowed payload size"
                message = f"{text} ({MAX_RESPONSE_BYTES} bytes)."
                body = {"errorMessage": message, "errorType": "Function.ResponseSizeTooLarge"}
                return {"body": body, "error": True, "log": result.get("log", "")}
        return result

    lambda_svc._execute_function_warm = execute_limited


def _let_invocations_finish() -> None:
    """Changing or deleting a function leaves its running invocations alone.

    Their environments leave the pool at once, so that nobody else gets them, and end when they do.
    """
    rewrite(
        lambda_runtime,
        "invalidate_worker",
        (
            "kill_workers(doomed)",
            # A worker is locked for as long as its handler runs.
            "kill_workers([w for w in doomed if not w._lock.locked()])",
        ),
    )
    lambda_svc.invalidate_worker = lambda_runtime.invalidate_worker
    release = lambda_runtime.release_worker

    def release_or_end(worker: Any) -> None:
        release(worker)
        with lambda_runtime._lock:
            pooled = any(worker in workers for workers in lambda_runtime._workers.values())
        if worker is not None and not pooled:
            lambda_runtime.kill_workers([worker])

    lambda_runtime.release_worker = release_or_end
    lambda_svc.release_worker = release_or_end


def _drain_log(worker: Any) -> str:
    """The lines of the invocation that just ended: all that come before the end mark.

    Replaces waiting for silence, which cost every quiet invocation 50 ms. A worker that died
    prints no mark, hence the limit.
    """
    lines: list[str] = []
    deadline = time.monotonic() + 0.25
    while (left := deadline - time.monotonic()) > 0:
        try:
            line = worker._stderr_queue.get(timeout=left)
        except queue.Empty:
            break
        if line == END_OF_LOG:
            break
        lines.append(line)
    return "\n".join(lines)


_PROLOGUE = """
import sys as _sys
_sys.path.append(_sys.argv[1])
import logging as _logging, os as _os, time as _time

class _LambdaFormatter(_logging.Formatter):
    converter = _time.gmtime
    def format(self, record):
        record.aws_request_id = _os.environ.get("_LOCAL_REQUEST_ID", "")
        return super().format(record)

# Lambda puts a handler on the root logger; without one, a function's records go nowhere.
class _StandardError(_logging.StreamHandler):
    def __init__(self):
        _logging.Handler.__init__(self)
    @property
    def stream(self):
        return _sys.stderr
_handler = _StandardError()
_handler.setFormatter(_LambdaFormatter(
    "[%(levelname)s]\\t%(asctime)s.%(msecs)03dZ\\t%(aws_request_id)s\\t%(message)s",
    "%Y-%m-%dT%H:%M:%S"))
_logging.getLogger().addHandler(_handler)

def _init_error_type(error, module_name):
    if isinstance(error, ImportError):
        return "Runtime.ImportModuleError"
    if isinstance(error, AttributeError) and module_name in _sys.modules:
        return "Runtime.HandlerNotFound"
    return type(error).__name__

def _init_error_text(error, module_name):
    if isinstance(error, ImportError):
        return "Unable to import module '%s': %s" % (module_name, error)
    return str(error)
"""


def worker_script(script: str) -> str:
    """The emulator's worker with Lambda's logging, error types and an end mark for the log."""
    edits = (
        (
            '_real_stdout.write(json.dumps({"status": "error", "error": str(e)}) + "\\n")',
            "traceback.print_exc()\n"
            '        _real_stdout.write(json.dumps({"status": "error", '
            '"type": _init_error_type(e, module_name), '
            '"error": _init_error_text(e, module_name)}) + "\\n")',
        ),
        (
            '{"status": "error", "error": str(e), "trace": traceback.format_exc()}',
            '{"status": "error", "error": str(e), "type": type(e).__name__, '
            '"stack": traceback.format_tb(e.__traceback__)[1:], "trace": traceback.format_exc()}',
        ),
        (
            "        _real_stdout.flush()\n\nrun()",
            f"        sys.stderr.write({END_OF_LOG + chr(10)!r})\n"
            "        sys.stderr.flush()\n"
            "        _real_stdout.flush()\n\nrun()",
        ),
        (
            "        try:\n            result = handler_fn(event, context)",
            '        os.environ["_LOCAL_REQUEST_ID"] = _ms_ctx.get("request_id", "")\n'
            "        try:\n            result = handler_fn(event, context)",
        ),
    )
    for old, new in edits:
        if script.count(old) != 1:
            raise MinistackChanged(
                f"local_aws edits the Python worker of ministack, where {old!r} should occur once "
                f"and occurs {script.count(old)} times. Install the pinned ministack."
            )
        script = script.replace(old, new)
    return _PROLOGUE + script
