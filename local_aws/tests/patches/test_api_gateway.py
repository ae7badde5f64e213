"""HTTP APIs: address, permissions and what a caller hears of failures."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from builders.ministack_server import (
    ACCESS_KEY,
    ACCOUNT,
    REGION,
    SECRET_KEY,
    MinistackServer,
    ministack_server,
)

CODE = """
def handler(event, context):
    if event["rawPath"].endswith("/fail"):
        raise KeyError("secret detail")
    return {"rawPath": event["rawPath"], "parameters": event.get("pathParameters")}
"""


@pytest.fixture(scope="module")
def aws() -> Iterator[MinistackServer]:
    with ministack_server() as server:
        yield server


@pytest.fixture(scope="module")
def api(aws: MinistackServer) -> dict[str, Any]:
    role = aws.role("api-function", "lambda.amazonaws.com")
    function = aws.function("api", CODE, role)
    gateway = aws.client("apigatewayv2")
    made: dict[str, Any] = gateway.create_api(Name="hub", ProtocolType="HTTP")
    integration = gateway.create_integration(
        ApiId=made["ApiId"],
        IntegrationType="AWS_PROXY",
        IntegrationUri=function,
        PayloadFormatVersion="2.0",
    )["IntegrationId"]
    gateway.create_route(
        ApiId=made["ApiId"],
        RouteKey="ANY /v1/{proxy+}",
        AuthorizationType="AWS_IAM",
        Target=f"integrations/{integration}",
    )
    gateway.create_stage(ApiId=made["ApiId"], StageName="$default", AutoDeploy=True)
    allow(aws, made["ApiId"])
    return made


def allow(aws: MinistackServer, api_id: str) -> None:
    aws.client("lambda").add_permission(
        FunctionName="api",
        StatementId="api",
        Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com",
        SourceArn=f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{api_id}/*",
    )


def get(
    url: str, service: str = "execute-api", key: str = ACCESS_KEY, secret: str = SECRET_KEY
) -> tuple[int, Any]:
    request = AWSRequest("GET", url)
    SigV4Auth(Credentials(key, secret), service, REGION).add_auth(request)
    try:
        with urllib.request.urlopen(
            urllib.request.Request(url, headers=dict(request.headers)), timeout=20
        ) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def test_the_endpoint_of_an_api_can_be_called_as_it_is(
    aws: MinistackServer, api: dict[str, Any]
) -> None:
    endpoint = aws.client("apigatewayv2").get_api(ApiId=api["ApiId"])["ApiEndpoint"]

    status, body = get(f"{endpoint}/v1/apps/1")

    assert endpoint == api["ApiEndpoint"] == f"{aws.url}/_aws/execute-api/{api['ApiId']}"
    assert (status, body["rawPath"]) == (200, "/v1/apps/1")


def test_a_path_ends_at_a_decoded_question_mark(aws: MinistackServer, api: dict[str, Any]) -> None:
    url = f"{api['ApiEndpoint']}/v1/apps/a%3Fb"

    assert get(url)[1]["rawPath"] == "/v1/apps/a"


def test_a_signature_for_another_service_is_forbidden(
    aws: MinistackServer, api: dict[str, Any]
) -> None:
    url = f"{aws.url}/_aws/execute-api/{api['ApiId']}/v1/apps"

    assert get(url, service="mobiletargeting") == (403, {"message": "Forbidden"})


def test_a_caller_without_permission_hears_only_forbidden(
    aws: MinistackServer, api: dict[str, Any]
) -> None:
    iam = aws.client("iam")
    iam.create_user(UserName="nobody")
    key = iam.create_access_key(UserName="nobody")["AccessKey"]
    url = f"{aws.url}/_aws/execute-api/{api['ApiId']}/v1/apps"

    answer = get(url, key=key["AccessKeyId"], secret=key["SecretAccessKey"])

    assert answer == (403, {"message": "Forbidden"})


def test_a_failing_function_is_an_internal_server_error(
    aws: MinistackServer, api: dict[str, Any]
) -> None:
    url = f"{aws.url}/_aws/execute-api/{api['ApiId']}/v1/fail"

    assert get(url) == (500, {"message": "Internal Server Error"})


def test_an_api_invokes_only_a_function_whose_policy_lets_it(
    aws: MinistackServer, api: dict[str, Any]
) -> None:
    url = f"{aws.url}/_aws/execute-api/{api['ApiId']}/v1/apps"
    aws.client("lambda").remove_permission(FunctionName="api", StatementId="api")

    refused = get(url)
    allow(aws, api["ApiId"])

    assert refused == (500, {"message": "Internal Server Error"})
    assert get(url)[0] == 200


def test_the_raw_path_arrives_decoded_once_as_http_apis_deliver_it(
    aws: MinistackServer, api: dict[str, Any]
) -> None:
    url = f"{aws.url}/_aws/execute-api/{api['ApiId']}/v1/a%2Fb/c%3Ad/e%40f/g%20h/100%25"

    status, body = get(url)

    assert (status, body["rawPath"]) == (200, "/v1/a/b/c:d/e@f/g h/100%25")
