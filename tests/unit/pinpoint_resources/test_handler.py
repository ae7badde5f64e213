"""The wiring: calls reach the right client, and errors reach Terraform."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from pinpoint_resources.calls import BadProperty, Call, Plan, Service
from pinpoint_resources.core import parse_request, plan
from pinpoint_resources.execution import carry_out
from pinpoint_resources.functions import manage

PROJECT = "0123456789abcdef0123456789abcdef"
TEMPLATE = {"TemplateName": "greeting", "Body": "Hello"}


@pytest.fixture
def pinpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    client = boto3.client(
        "pinpoint",
        region_name="eu-west-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    monkeypatch.setattr(manage, "client", client_for(client))
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def client_for(pinpoint: BaseClient) -> Callable[[Service], BaseClient]:
    def chosen(service: Service) -> BaseClient:
        assert service == "pinpoint"
        return pinpoint

    return chosen


def event(action: str = "create", properties: dict[str, Any] = TEMPLATE) -> dict[str, Any]:
    return {
        "type": "SmsTemplate",
        "owner": "block/greeting",
        "project_id": PROJECT,
        "properties": properties,
        "revision": "r1",
        "tf": {"action": action, "prev_input": None},
    }


def found(body: str) -> dict[str, Any]:
    described = {
        "Arn": "arn:aws:mobiletargeting:eu-west-1:111122223333:templates/greeting/SMS",
        "Body": body,
        "CreationDate": "2026-11-23T00:00:00.000Z",
        "LastModifiedDate": "2026-11-23T00:00:00.000Z",
        "TemplateName": "greeting",
        "TemplateType": "SMS",
        "Version": "1",
        "tags": {"managed-by": "block/greeting"},
    }
    return {"SMSTemplateResponse": described}


def carried_out(
    stubber: Stubber, wish: dict[str, Any], seconds: float = 300
) -> tuple[dict[str, Any], list[float]]:
    """The result, and the waits; time passes only by waiting."""
    waited: list[float] = []
    steps = plan(parse_request(wish))
    result = carry_out(
        steps, client_for(stubber.client), waited.append, lambda: seconds - sum(waited)
    )
    return result, waited


def test_a_template_that_is_absent_is_created_and_read_back(pinpoint: Stubber):
    pinpoint.add_client_error("get_sms_template", "NotFoundException", http_status_code=404)
    pinpoint.add_response(
        "create_sms_template",
        {"CreateTemplateMessageBody": {"Arn": "arn"}},
        {
            "TemplateName": "greeting",
            "SMSTemplateRequest": {"Body": "Hello", "tags": {"managed-by": "block/greeting"}},
        },
    )
    pinpoint.add_response("get_sms_template", found("Hello"), {"TemplateName": "greeting"})

    result = manage.lambda_handler(event(), None)

    assert result["Version"] == "1"
    assert result["Revision"] == "r1"


def test_deleting_what_is_absent_is_fine(pinpoint: Stubber):
    pinpoint.add_client_error("get_sms_template", "NotFoundException", http_status_code=404)

    assert manage.lambda_handler(event("delete"), None) == {}


def test_a_refusal_is_believed_only_after_the_policy_had_time_to_count(pinpoint: Stubber):
    for _ in range(2):
        pinpoint.add_client_error("get_sms_template", "ForbiddenException", http_status_code=403)
    pinpoint.add_response("get_sms_template", found("Hello"))

    result, waited = carried_out(pinpoint, event())

    assert waited == [1, 2]
    assert result["Version"] == "1"


def test_a_lasting_refusal_fails_the_apply(pinpoint: Stubber):
    for _ in range(5):
        pinpoint.add_client_error("get_sms_template", "AccessDeniedException", http_status_code=403)

    with pytest.raises(ClientError, match="AccessDeniedException.*GetSmsTemplate"):
        carried_out(pinpoint, event())


def test_an_answer_of_the_gateway_without_a_class_is_waited_out(pinpoint: Stubber):
    for _ in range(3):
        pinpoint.add_client_error("get_sms_template", "429", http_status_code=429)
    pinpoint.add_response("get_sms_template", found("Hello"))

    result, waited = carried_out(pinpoint, event())

    assert waited == [1, 2, 4]
    assert result["Version"] == "1"


def test_a_large_deletion_is_asked_for_until_it_is_done(pinpoint: Stubber):
    pinpoint.add_response("get_sms_template", found("Hello"))
    for _ in range(9):
        pinpoint.add_client_error(
            "delete_sms_template", "TooManyRequestsException", http_status_code=429
        )
    pinpoint.add_response("delete_sms_template", {"MessageBody": {}}, {"TemplateName": "greeting"})

    result, waited = carried_out(pinpoint, event("delete"))

    assert result == {}
    assert waited == [1, 2, 4, 5, 5, 5, 5, 5, 5]


def test_a_service_that_stays_busy_fails_the_apply_while_the_function_has_time_to_say_so(
    pinpoint: Stubber,
):
    for _ in range(6):
        pinpoint.add_client_error(
            "get_sms_template", "TooManyRequestsException", http_status_code=429
        )

    with pytest.raises(ClientError, match="TooManyRequestsException"):
        carried_out(pinpoint, event(), seconds=90)


def test_a_refused_request_fails_the_apply_at_once(pinpoint: Stubber):
    pinpoint.add_client_error("get_sms_template", "NotFoundException", http_status_code=404)
    pinpoint.add_client_error("create_sms_template", "BadRequestException", http_status_code=400)

    with pytest.raises(ClientError, match="BadRequestException"):
        carried_out(pinpoint, event())


def test_an_unknown_property_is_named():
    api = boto3.client("pinpoint", region_name="eu-west-1")
    request = {"TemplateName": "greeting", "SMSTemplateRequest": {"Text": "Hello"}}

    def steps() -> Plan:
        yield Call("pinpoint", "CreateSmsTemplate", request)
        return {}

    with pytest.raises(
        BadProperty, match=r"CreateSmsTemplate: (?s:.*)Unknown parameter .*\"Text\""
    ):
        carry_out(steps(), client_for(api))
