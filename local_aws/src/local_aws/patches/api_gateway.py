"""HTTP APIs have an address that resolves, need permission to invoke, and hide what went wrong."""

from __future__ import annotations

import json
import os
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import apigateway, lambda_svc

from local_aws.patches.rewriting import rewrite
from local_aws.patches.service_access import function_allows

REQUIRED = (
    "ministack.services.apigateway._api_endpoint_scheme",
    "ministack.services.apigateway._apis",
    "ministack.services.apigateway._create_api",
    "ministack.services.apigateway._extract_lambda_ref_from_integration_uri",
    "ministack.services.apigateway._invoke_lambda_proxy",
    "ministack.services.apigateway.decode_http_api_path",
)

_SERVER_ERROR = (
    500,
    {"Content-Type": "application/json"},
    b'{"message":"Internal Server Error"}',
)
_UNAVAILABLE = (
    503,
    {"Content-Type": "application/json"},
    b'{"message":"Service Unavailable"}',
)


def apply() -> None:
    _give_resolvable_endpoints()
    _cut_paths_at_a_question_mark()
    _require_permission_and_hide_errors()


def api_endpoint(api_id: str) -> str:
    """The address of an API: this server's own, with the API in the path."""
    port = os.environ.get("GATEWAY_PORT", "4566")
    return f"http://127.0.0.1:{port}/_aws/execute-api/{api_id}"


def _give_resolvable_endpoints() -> None:
    """``<id>.execute-api.localhost`` does not resolve for programs that use the C library."""
    create = apigateway._create_api

    def create_api(data: dict[str, Any]) -> Any:
        answer = create(data)
        if answer[0] != 201 or data.get("protocolType", "HTTP") != "HTTP":
            return answer
        api = json.loads(answer[2])
        api["apiEndpoint"] = api_endpoint(api["apiId"])
        apigateway._apis[api["apiId"]]["apiEndpoint"] = api["apiEndpoint"]
        return answer[0], answer[1], json.dumps(api).encode()

    apigateway._create_api = create_api


def _cut_paths_at_a_question_mark() -> None:
    """`rawPath` is decoded, and read as a URL once more: `/apps/a%3Fb` arrives as `/apps/a`."""
    decode = apigateway.decode_http_api_path

    def decoded(raw_path: str) -> str:
        return str(decode(raw_path)).partition("?")[0]

    apigateway.decode_http_api_path = decoded


def _require_permission_and_hide_errors() -> None:
    # Edited, not wrapped: only here is it known whether the function failed or answered 5xx.
    rewrite(
        apigateway,
        "_invoke_lambda_proxy",
        (
            "lambda_response, _ = lambda_svc.lambda_execute_result_to_api_proxy_response(result)",
            "if result.get('error'):\n"
            "        return _UNAVAILABLE if result.get('throttle') else _SERVER_ERROR\n"
            "    lambda_response, _ = "
            "lambda_svc.lambda_execute_result_to_api_proxy_response(result)",
        ),
        _SERVER_ERROR=_SERVER_ERROR,
        _UNAVAILABLE=_UNAVAILABLE,
    )
    invoke = apigateway._invoke_lambda_proxy

    async def invoke_lambda_proxy(
        integration: Any, api_id: str, stage: str, path: str, method: str, *rest: Any, **named: Any
    ) -> Any:
        route = named.get("route_key") or (rest[3] if len(rest) > 3 else "$default")
        resource = "/$default" if " " not in route else f"/{method}{route.split(' ', 1)[1]}"
        source = f"arn:aws:execute-api:{get_region()}:{get_account_id()}:{api_id}/{stage}{resource}"
        reference = apigateway._extract_lambda_ref_from_integration_uri(
            integration.get("integrationUri", "")
        )
        _, config, _ = lambda_svc._get_func_record_for_ref(reference)
        arn = (config or {}).get("FunctionArn", "")
        if not function_allows(arn, "apigateway.amazonaws.com", source):
            return _SERVER_ERROR
        return await invoke(integration, api_id, stage, path, method, *rest, **named)

    apigateway._invoke_lambda_proxy = invoke_lambda_proxy
