"""CloudFront Functions in V8, so that no Node has to be installed.

V8 knows more than the runtime cloudfront-js-2.0: a function that uses a newer feature of JavaScript
runs here and fails on AWS. Modules (``import``) and key value stores are not there.
"""

from __future__ import annotations

import json
from typing import Any

from ministack.core import cloudfront_js
from ministack.services import cloudfront

REQUIRED = (
    "ministack.core.cloudfront_js.CloudFrontFunctionError",
    "ministack.core.cloudfront_js.evaluate",
    "ministack.services.cloudfront._cf_decode_function_code",
    "ministack.services.cloudfront._error",
)

# AWS allows about a millisecond of computing; this much is surely an endless loop.
TIMEOUT_SECONDS = 5.0
# CloudFront Developer Guide, "Quotas on CloudFront Functions".
MAX_CODE_BYTES = 10_240
CALL = "(async () => JSON.stringify((await handler({event})) ?? null))()"


def evaluate(code: bytes, event: dict[str, Any]) -> Any:
    """Call the function's handler with an event; return the request or response that it returns.

    Raises:
        CloudFrontFunctionError: the function failed, or has no handler.
    """
    # Here, because it loads V8, and most runs have no function of CloudFront.
    from py_mini_racer import (
        JSEvalException,
        JSPromise,
        JSPromiseError,
        JSTimeoutException,
        MiniRacer,
    )

    try:
        with MiniRacer() as context:
            context.eval(code.decode(), timeout_sec=TIMEOUT_SECONDS)
            call = CALL.replace("{event}", json.dumps(event))
            promise = context.eval(call, timeout_sec=TIMEOUT_SECONDS)
            assert isinstance(promise, JSPromise)
            answer = promise.get(timeout=TIMEOUT_SECONDS)
    except (JSEvalException, JSPromiseError, JSTimeoutException, TimeoutError) as error:
        raise cloudfront_js.CloudFrontFunctionError(str(error)) from error
    return json.loads(str(answer))


def apply() -> None:
    cloudfront_js.evaluate = evaluate
    decode = cloudfront._cf_decode_function_code

    def decode_function_code(encoded: str) -> Any:
        code, error = decode(encoded)
        if error is None and len(code) > MAX_CODE_BYTES:
            return None, cloudfront._error(
                "FunctionSizeLimitExceeded",
                f"The function code has {len(code)} bytes; the maximum is {MAX_CODE_BYTES}.",
                413,
            )
        return code, error

    cloudfront._cf_decode_function_code = decode_function_code
