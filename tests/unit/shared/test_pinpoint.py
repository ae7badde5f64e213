"""The client factory: one seam between every architecture and the host of its project."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from botocore.exceptions import ClientError

from shared.aws import Keys
from shared.pinpoint import aws_pinpoint_client, pinpoint_client, pinpoint_client_at
from shared.settings import MissingSetting, optional_env, required_env

HUB_URL = "https://abc123.execute-api.eu-west-1.amazonaws.com"


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Iterator[boto3.Session]:
    monkeypatch.delenv("PINPOINT_API_URL", raising=False)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    yield boto3.Session(
        aws_access_key_id="AKIDEXAMPLE", aws_secret_access_key="x", region_name="eu-west-1"
    )


def request_of_get_app(client: Any, app_id: str = "app1") -> AWSPreparedRequest:
    """Call GetApp. Returns the signed request, which is not sent."""
    sent: list[AWSPreparedRequest] = []

    def answer(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        sent.append(request)
        raw = type("Raw", (), {"stream": lambda self, **_: [b'{"Id":"app1"}']})()
        return AWSResponse(request.url, 200, {"content-type": "application/json"}, raw)

    client.meta.events.register("before-send.pinpoint", answer)
    client.get_app(ApplicationId=app_id)
    return sent[0]


def credential_scope(request: AWSPreparedRequest) -> str:
    header = request.headers["Authorization"]
    return (header.decode() if isinstance(header, bytes) else header).split("/")[3]


def test_with_a_hub_url_the_client_calls_that_url_and_signs_for_execute_api(
    session: boto3.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PINPOINT_API_URL", HUB_URL)

    request = request_of_get_app(pinpoint_client(session=session))

    assert request.url == f"{HUB_URL}/v1/apps/app1"
    assert credential_scope(request) == "execute-api"


def test_a_403_of_the_hub_names_the_permission_and_no_id(
    session: boto3.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PINPOINT_API_URL", HUB_URL)
    client = pinpoint_client(session=session)
    raw = type("Raw", (), {"stream": lambda self, **_: [b'{"message":"Forbidden"}']})()
    client.meta.events.register(
        "before-send.pinpoint", lambda request, **_: AWSResponse(request.url, 403, {}, raw)
    )

    with pytest.raises(ClientError) as refused:
        client.get_endpoint(ApplicationId="app1", EndpointId="ann@example.com")

    text = str(refused.value)
    assert "execute-api:Invoke on GET /v1/apps/{application-id}/endpoints/{endpoint-id}" in text
    assert "Forbidden" in text
    assert "ann@example.com" not in text


def test_the_path_of_a_hub_url_is_kept(
    session: boto3.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PINPOINT_API_URL", "http://127.0.0.1:4566/_aws/execute-api/abc")

    request = request_of_get_app(pinpoint_client(session=session))

    assert request.url == "http://127.0.0.1:4566/_aws/execute-api/abc/v1/apps/app1"


def test_without_a_hub_url_it_is_awss_own_client(session: boto3.Session) -> None:
    request = request_of_get_app(pinpoint_client(session=session))

    assert request.url == "https://pinpoint.eu-west-1.amazonaws.com/v1/apps/app1"
    assert credential_scope(request) == "mobiletargeting"


def test_operations_that_live_on_go_to_aws_even_when_a_hub_hosts_the_project(
    session: boto3.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PINPOINT_API_URL", HUB_URL)

    request = request_of_get_app(aws_pinpoint_client(session=session))

    assert request.url == "https://pinpoint.eu-west-1.amazonaws.com/v1/apps/app1"
    assert credential_scope(request) == "mobiletargeting"


@pytest.mark.parametrize(
    ("api_url", "url", "service"),
    [
        (HUB_URL, f"{HUB_URL}/v1/apps/app1", "execute-api"),
        (None, "https://pinpoint.us-west-2.amazonaws.com/v1/apps/app1", "mobiletargeting"),
    ],
)
def test_a_function_reaches_another_host_with_the_keys_of_a_role(
    monkeypatch: pytest.MonkeyPatch, api_url: str | None, url: str, service: str
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    keys = Keys("AKIDOFTHEROLE", "x", "token-of-the-role")

    request = request_of_get_app(pinpoint_client_at(api_url, region="us-west-2", keys=keys))

    assert request.url == url
    assert credential_scope(request) == service
    signature = str(request.headers["Authorization"])
    assert "AKIDOFTHEROLE" in signature and "/us-west-2/" in signature
    assert "token-of-the-role" in str(request.headers["X-Amz-Security-Token"])


def test_a_callers_configuration_is_laid_over_the_default_one(session: boto3.Session) -> None:
    client = pinpoint_client(Config(retries={"total_max_attempts": 1}), session)

    assert client.meta.config.retries["total_max_attempts"] == 1
    assert client.meta.config.read_timeout == 20


def test_a_missing_setting_is_named() -> None:
    with pytest.raises(MissingSetting, match="TOPIC_ARN"):
        required_env("TOPIC_ARN", {})


def test_an_empty_setting_counts_as_missing() -> None:
    assert optional_env("TOPIC_ARN", {"TOPIC_ARN": ""}) is None
    with pytest.raises(MissingSetting):
        required_env("TOPIC_ARN", {"TOPIC_ARN": ""})


def test_a_setting_that_is_there_is_returned() -> None:
    assert required_env("TOPIC_ARN", {"TOPIC_ARN": "arn"}) == "arn"
