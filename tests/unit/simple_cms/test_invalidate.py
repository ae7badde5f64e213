"""The function: one request for a batch; a bad message fails alone, a refused request fails all."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.builders.architectures import CONTEXT, load_function, service_error, sqs_event


class FakeCloudFront:
    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.failure: Exception | None = None

    def create_invalidation(self, **request: Any) -> dict[str, Any]:
        if self.failure:
            raise self.failure
        self.requests.append(request)
        return {"Invalidation": {"Id": "I1"}}

    @property
    def paths(self) -> list[list[str]]:
        return [request["InvalidationBatch"]["Paths"]["Items"] for request in self.requests]


@pytest.fixture
def cloudfront() -> FakeCloudFront:
    return FakeCloudFront()


@pytest.fixture
def function(monkeypatch: pytest.MonkeyPatch, cloudfront: FakeCloudFront) -> Any:
    settings = {"DISTRIBUTION_ID": "E1", "MAX_PATHS": "3"}
    module = load_function(monkeypatch, "simple_cms.functions.invalidate", settings)
    monkeypatch.setattr(module, "cloudfront", cloudfront)
    return module


def changed(key: str) -> str:
    stored = {"key": key, "sequencer": f"s-{key}"}
    return json.dumps({"detail-type": "Object Created", "detail": {"object": stored}})


def test_a_batch_is_one_request(function: Any, cloudfront: FakeCloudFront) -> None:
    answer = function.lambda_handler(sqs_event(changed("b.svg"), changed("index.html")), CONTEXT)

    (request,) = cloudfront.requests
    assert answer == {"batchItemFailures": []}
    assert request["DistributionId"] == "E1"
    assert request["InvalidationBatch"]["Paths"] == {
        "Quantity": 3,
        "Items": ["/", "/b.svg", "/index.html"],
    }


def test_a_release_of_many_files_costs_one_path(function: Any, cloudfront: FakeCloudFront) -> None:
    function.lambda_handler(sqs_event(*(changed(f"{n}.html") for n in range(500))), CONTEXT)

    assert cloudfront.paths == [["/*"]]


def test_a_redelivered_batch_has_the_reference_of_the_first(
    function: Any, cloudfront: FakeCloudFront
) -> None:
    for _ in range(2):
        function.lambda_handler(sqs_event(changed("a.svg")), CONTEXT)

    references = {r["InvalidationBatch"]["CallerReference"] for r in cloudfront.requests}
    assert len(references) == 1


def test_a_message_that_is_no_event_fails_alone(function: Any, cloudfront: FakeCloudFront) -> None:
    answer = function.lambda_handler(sqs_event("not json", changed("a.svg")), CONTEXT)

    assert answer == {"batchItemFailures": [{"itemIdentifier": "m0"}]}
    assert cloudfront.paths == [["/a.svg"]]


def test_a_batch_without_an_event_asks_for_nothing(
    function: Any, cloudfront: FakeCloudFront
) -> None:
    answer = function.lambda_handler(sqs_event("not json", "{}"), CONTEXT)

    assert [failure["itemIdentifier"] for failure in answer["batchItemFailures"]] == ["m0", "m1"]
    assert cloudfront.requests == []


@pytest.mark.parametrize(
    "code", ["TooManyInvalidationsInProgress", "ThrottlingException", "AccessDenied"]
)
def test_a_refused_request_fails_the_batch_so_that_it_is_redelivered(
    function: Any, cloudfront: FakeCloudFront, code: str
) -> None:
    cloudfront.failure = service_error("CreateInvalidation", code, 400)

    with pytest.raises(ClientError):
        function.lambda_handler(sqs_event(changed("a.svg")), CONTEXT)


def test_no_key_is_logged(function: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")

    function.lambda_handler(sqs_event(changed("ann@example.com.svg"), '{"secret": 1}'), CONTEXT)

    logged = repr([vars(record) for record in caplog.records if record.name == "simple-cms"])
    assert "Invalidation created" in logged
    assert "ann@example.com" not in logged and "secret" not in logged
