"""Transient failures have one name, which holds no recipient."""

import pytest
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    IncompleteReadError,
    ReadTimeoutError,
)

from shared.transient import ServiceUnavailable, transient_errors_named
from tests.builders.architectures import service_error


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("TooManyRequestsException", 429),
        ("429", 429),
        ("InternalServerErrorException", 500),
        ("503", 503),
        ("ProvisionedThroughputExceededException", 400),
        ("ThrottlingException", 400),
    ],
)
def test_throttling_and_server_errors_are_named(code, status):
    with (
        pytest.raises(ServiceUnavailable, match=f"UpdateEndpointsBatch answered {code}"),
        transient_errors_named(),
    ):
        raise service_error("UpdateEndpointsBatch", code, status)


@pytest.mark.parametrize(
    "error",
    [
        ReadTimeoutError(endpoint_url="https://example.com/+14255550123"),
        EndpointConnectionError(endpoint_url="https://example.com/+14255550123"),
        IncompleteReadError(actual_bytes=1, expected_bytes=2),
    ],
)
def test_no_answer_is_named_without_its_address(error):
    with pytest.raises(ServiceUnavailable) as caught, transient_errors_named():
        raise error

    assert "+1425" not in str(caught.value)


def test_the_text_of_a_service_is_not_passed_on():
    with pytest.raises(ServiceUnavailable) as caught, transient_errors_named():
        raise service_error("GetEndpoint", "TooManyRequestsException", 429)

    assert "+1425" not in str(caught.value)


@pytest.mark.parametrize(("code", "status"), [("BadRequestException", 400), ("Forbidden", 403)])
def test_a_refusal_stays_what_it_is(code, status):
    with pytest.raises(ClientError, match=code), transient_errors_named():
        raise service_error("CreateCampaign", code, status)
