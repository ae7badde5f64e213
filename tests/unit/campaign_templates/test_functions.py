"""The two functions, and the stores that they read."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError

from campaign_templates.content import UnusableContent
from campaign_templates.filling import ContentUnavailable
from campaign_templates.sources import BucketSource, CmsSource, FunctionSource
from shared.campaign_calls import MalformedCall
from shared.fetching.deadline import Deadline
from shared.fetching.failures import FetchFailed, Reason
from shared.fetching.header_value import SecretHeader
from shared.fetching.https import Https
from tests.builders.architectures import CONTEXT, load_function, service_error, sqs_event
from tests.builders.campaigns import sample
from tests.builders.https_server import Answer, HttpsServer, https_server

APP = "a1b2c3d4e5f60718293a4b5c6d7e8f90"
SETTINGS = {
    "allowed": None,
    "default_content": None,
    "default_template": "welcome",
    "failure_policy": "fail_batch",
    "limits": {"subject_characters": 200, "html_bytes": 100_000, "text_bytes": 10_000},
    "locale_from": "Demographic.Locale",
    "rules": [],
}
ENVIRONMENT = {
    "CACHE_SECONDS": "300",
    "DEADLINE_SECONDS": "5",
    "PROJECT_ID": APP,
    "SETTINGS": json.dumps(SETTINGS),
    "SOURCE": json.dumps({"bucket": "b", "prefix": "templates/", "versions": {}}),
    "STALE_SECONDS": "0",
}
HELLO = {"subject": "Hello {{User.UserAttributes.FirstName}}", "html": "<p>Hello</p>"}


class Bucket:
    """The part of S3 that is used: objects by key, and errors in their place."""

    def __init__(self, **objects: Any) -> None:
        self.objects: dict[str, Any] = {}
        self.asked: list[dict[str, Any]] = []
        self.version: str | None = "v1"

    def get_object(self, **request: Any) -> dict[str, Any]:
        self.asked.append(request)
        found = self.objects.get(request["Key"])
        if found is None:
            raise service_error("GetObject", "NoSuchKey", 404)
        if isinstance(found, Exception):
            raise found
        body = found if isinstance(found, bytes) else json.dumps(found).encode()
        answer = {"Body": io.BytesIO(body), "ETag": f'"{hashlib.md5(body).hexdigest()}"'}
        return answer if self.version is None else {**answer, "VersionId": self.version}


def soon() -> Deadline:
    return Deadline.after(5, sleep=lambda _: None)


def bucket_source(bucket: Bucket, **versions: str) -> BucketSource:
    pinned = {name.replace("_", "/"): version for name, version in versions.items()}
    return BucketSource(bucket, "b", "templates/", pinned, 1_000)  # type: ignore[arg-type]


@pytest.fixture
def fill(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The hook after a cold start, with a bucket in memory."""

    def start(**settings: Any) -> Any:
        environment = {**ENVIRONMENT, "SETTINGS": json.dumps({**SETTINGS, **settings})}
        module = load_function(monkeypatch, "campaign_templates.functions.fill", environment)
        bucket = Bucket()
        monkeypatch.setattr(module, "aws_client", lambda *_, **__: bucket)
        module.bucket = bucket
        return module

    return start


def test_the_documented_call_is_answered_with_its_endpoints_and_their_content(fill, capsys):
    module = fill()
    module.bucket.objects["templates/welcome/default.json"] = HELLO

    answer = module.lambda_handler(sample("campaign_hook/filter_request"), CONTEXT)

    mary = answer["ep-mary-email"]
    assert mary["Attributes"]["subject"] == ["Hello Mary"]
    assert mary["Attributes"]["Interests"] == ["music", "travel"]
    assert mary["MarkupAttributes"] == ["html"]
    assert '"FilledEndpoints"' in capsys.readouterr().out


@pytest.mark.parametrize("kind", ["filter_request_message_key", "custom_channel_journey_request"])
def test_older_calls_and_those_of_journeys_are_answered_too(fill, kind):
    module = fill()
    module.bucket.objects["templates/welcome/default.json"] = HELLO
    call = sample(f"campaign_hook/{kind}")

    assert set(module.lambda_handler(call, CONTEXT)) == set(call["Endpoints"])


@pytest.mark.parametrize(
    "changed",
    [
        {"Endpoints": None},
        {"Endpoints": []},
        {"Endpoints": {str(number): {} for number in range(51)}},
        {"ApplicationId": None},
        {"ApplicationId": ""},
        {"ApplicationId": "another"},
        {"ApplicationId": 5},
        {"CampaignId": None},
        {"CampaignId": 5},
        {"JourneyId": "both"},
        {"ActivityId": None},
        {"ActivityId": []},
        {"TreatmentId": 1},
        {"ScheduledTime": 5},
        {"Data": {}},
        {"MessageConfiguration": "x"},
    ],
)
def test_a_call_that_is_none_of_this_projects_fails_with_the_member_and_the_rule(fill, changed):
    call = {**sample("campaign_hook/filter_request"), **changed}

    with pytest.raises(MalformedCall, match=next(iter(changed))[:8]):
        fill().lambda_handler(call, CONTEXT)


def test_21_5_the_log_names_the_reason_and_no_recipient(fill, caplog):
    module = fill(failure_policy="drop_recipient")
    module.bucket.objects["templates/welcome/default.json"] = {"subject": 5}

    assert module.lambda_handler(sample("campaign_hook/filter_request"), CONTEXT) == {}

    [record] = caplog.records
    assert record.reason.startswith("welcome/default: UNUSABLE_ANSWER: subject of the content must")
    assert record.endpoints == 3
    assert not any(word in str(vars(record)).lower() for word in ("mary", "+1425"))


def test_a_batch_fails_where_the_policy_says_so(fill):
    with pytest.raises(ContentUnavailable, match="no content of template 'welcome'"):
        fill().lambda_handler(sample("campaign_hook/filter_request"), CONTEXT)


def test_the_repetition_of_a_batch_that_failed_with_the_store_asks_the_store(fill):
    module, event = fill(), sample("campaign_hook/filter_request")
    slow = service_error("GetObject", "SlowDown", 503)
    module.bucket.objects["templates/welcome/default.json"] = slow
    for _ in range(4):
        with pytest.raises(ContentUnavailable, match="SlowDown"):
            module.lambda_handler(event, CONTEXT)
    module.bucket.objects["templates/welcome/default.json"] = HELLO

    assert set(module.lambda_handler(event, CONTEXT)) == set(event["Endpoints"])


def test_a_default_content_that_cannot_be_used_fails_the_cold_start(fill):
    with pytest.raises(UnusableContent, match="default_content: html of the content"):
        fill(default_content={"subject": "Hi", "html": "{{#if}}", "text": None})


# Stores


def test_22_1_a_pinned_version_is_read_and_no_other():
    bucket = Bucket()
    bucket.objects["templates/welcome/de.json"] = HELLO

    bucket_source(bucket, welcome_de="v7").get("welcome", "de", soon())
    bucket_source(bucket).get("welcome", "de", soon())

    assert [one.get("VersionId") for one in bucket.asked] == ["v7", None]


def test_an_absent_object_is_an_answer_and_no_failure():
    assert bucket_source(Bucket()).get("welcome", "de", soon()) is None


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (service_error("GetObject", "AccessDenied", 403), Reason.REFUSED),
        (service_error("GetObject", "NoSuchBucket", 404), Reason.REFUSED),
        (service_error("GetObject", "NoSuchVersion", 404), Reason.REFUSED),
        (service_error("GetObject", "SlowDown", 503), Reason.UNAVAILABLE),
        (service_error("GetObject", "InternalError", 500), Reason.UNAVAILABLE),
        (EndpointConnectionError(endpoint_url="https://s3"), Reason.UNAVAILABLE),
        (ReadTimeoutError(endpoint_url="https://s3"), Reason.TIMED_OUT),
        (b"{", Reason.UNUSABLE_ANSWER),
        (b"x" * 1_001, Reason.UNUSABLE_ANSWER),
        ({"subject": "Hi"}, Reason.UNUSABLE_ANSWER),
    ],
)
def test_a_failure_of_the_bucket_has_its_reason(found, reason):
    bucket = Bucket()
    bucket.objects["templates/welcome/de.json"] = found

    with pytest.raises(FetchFailed) as failed:
        bucket_source(bucket).get("welcome", "de", soon())

    assert failed.value.reason is reason


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpsServer]:
    with https_server(Path(tmp_path_factory.mktemp("tls"))) as server:
        yield server


@pytest.fixture
def server(running: HttpsServer) -> HttpsServer:
    running.requests.clear()
    running.answer = lambda _: Answer(json.dumps(HELLO).encode())
    return running


def cms(server: HttpsServer, secret: SecretHeader | None = None) -> CmsSource:
    https = Https(max_bytes=1_000, allowed=lambda _: True, context=server.context)
    url = f"{server.url}/emails/{{template}}/{{locale}}"
    return CmsSource(https, url, "Authorization", secret)


def test_a_cms_is_asked_by_template_and_locale_with_its_secret(server):
    found = cms(server, SecretHeader(lambda: "Bearer x")).get("welcome", "de-AT", soon())

    assert found is not None and found.subject == HELLO["subject"]
    [request] = server.requests
    assert request.path == "/emails/welcome/de-AT"
    assert request.headers["authorization"] == "Bearer x"


def test_404_of_a_cms_means_that_there_is_no_content(server):
    server.answer = lambda _: Answer(status=404)

    assert cms(server).get("welcome", "de", soon()) is None


def test_a_secret_that_was_rotated_is_read_again(server):
    values = iter(["old", "new"])
    server.answer = lambda request: Answer(
        json.dumps(HELLO).encode(), status=200 if request.headers["authorization"] == "new" else 401
    )

    assert cms(server, SecretHeader(lambda: next(values))).get("welcome", "de", soon())


@pytest.mark.parametrize("answer", [Answer(b"<html>"), Answer(b"x" * 2_000), Answer(status=302)])
def test_an_answer_of_a_cms_that_is_no_content_is_unusable(server, answer):
    server.answer = lambda _: answer

    with pytest.raises(FetchFailed) as failed:
        cms(server).get("welcome", "de", soon())

    assert failed.value.reason is Reason.UNUSABLE_ANSWER


class Asked:
    """A function of the caller's own."""

    def __init__(self, answer: Any) -> None:
        self.answer, self.payloads = answer, []

    def ask(self, payload: Any, deadline: Deadline) -> Any:
        self.payloads.append(payload)
        return self.answer


def test_a_function_gets_template_and_locale_and_returns_content_or_null():
    function = Asked(HELLO)

    found = FunctionSource(function).get("welcome", "de", soon())  # type: ignore[arg-type]

    assert found is not None and found.html == "<p>Hello</p>"
    assert function.payloads == [{"template": "welcome", "locale": "de"}]
    assert FunctionSource(Asked(None)).get("x", "de", soon()) is None  # type: ignore[arg-type]


@pytest.mark.parametrize("answer", [5, [], "x", {}, {"subject": "Hi"}, {"errorMessage": "x"}])
def test_an_answer_of_a_function_that_is_no_content_is_unusable(answer):
    with pytest.raises(FetchFailed) as failed:
        FunctionSource(Asked(answer)).get("welcome", "de", soon())  # type: ignore[arg-type]

    assert failed.value.reason is Reason.UNUSABLE_ANSWER


# Publication


class Hub:
    """The part of the Pinpoint API that is used."""

    class exceptions:  # noqa: N801
        class NotFoundException(Exception):
            pass

    def __init__(self) -> None:
        self.templates: dict[str, list[dict[str, Any]]] = {}
        self.active: dict[str, int] = {}

    def get_email_template(self, *, TemplateName: str) -> dict[str, Any]:
        if TemplateName not in self.templates:
            raise self.exceptions.NotFoundException
        found = self.templates[TemplateName][self.active[TemplateName]]
        return {"EmailTemplateResponse": found}

    def list_template_versions(
        self, *, TemplateName: str, TemplateType: str, NextToken: str = "0"
    ) -> dict[str, Any]:
        at, found = int(NextToken), self.templates[TemplateName]
        page: dict[str, Any] = {"Item": [{"Version": str(at + 1), **found[at]}]}
        if at + 1 < len(found):
            page["NextToken"] = str(at + 1)
        return {"TemplateVersionsResponse": page}

    def create_email_template(self, *, TemplateName: str, EmailTemplateRequest: Any) -> None:
        self.templates[TemplateName] = [EmailTemplateRequest]
        self.active[TemplateName] = 0

    def update_email_template(
        self, *, TemplateName: str, CreateNewVersion: bool, EmailTemplateRequest: Any
    ) -> None:
        assert CreateNewVersion
        self.templates[TemplateName].append(EmailTemplateRequest)

    def update_template_active_version(
        self, *, TemplateName: str, TemplateType: str, TemplateActiveVersionRequest: Any
    ) -> None:
        assert (TemplateType, TemplateActiveVersionRequest) == ("EMAIL", {"Version": "latest"})
        self.active[TemplateName] = len(self.templates[TemplateName]) - 1


@pytest.fixture
def publish(monkeypatch: pytest.MonkeyPatch) -> Any:
    module = load_function(
        monkeypatch,
        "campaign_templates.functions.publish",
        {"BUCKET": "b", "NAME": "news", "PREFIX": "templates/", "TEMPLATES": "welcome,bye"},
    )
    monkeypatch.setattr(module, "s3", Bucket())
    monkeypatch.setattr(module, "pinpoint", Hub())
    return module


def created(key: str) -> str:
    return json.dumps({"detail": {"bucket": {"name": "b"}, "object": {"key": key}}})


def test_an_object_that_cannot_be_published_costs_no_other_one_its_template(publish, caplog):
    publish.s3.objects |= {
        "templates/welcome/de.json": HELLO,
        "templates/welcome/fr.json": {"subject": "Salut"},
        "templates/bye/default.json": service_error("GetObject", "SlowDown", 503),
    }
    event = sqs_event(
        created("templates/welcome/de.json"),
        created("templates/welcome/fr.json"),
        created("templates/bye/default.json"),
        created("templates/bye/es.json"),
        created("templates/other/de.json"),
        "no JSON",
        json.dumps({"detail": {}}),
    )

    answer = publish.lambda_handler(event, CONTEXT)

    failed = [each["itemIdentifier"] for each in answer["batchItemFailures"]]
    ids = [record["messageId"] for record in event["Records"]]
    assert failed == [ids[1], ids[2], ids[5], ids[6]]
    assert list(publish.pinpoint.templates) == ["news-welcome-de"]
    warnings = [record for record in caplog.records if record.levelname == "WARNING"]
    assert [record.reason for record in warnings] == [
        "welcome/fr: The content needs html or text that is not empty.",
        "SlowDown",
        "The message is no JSON.",
        "The message must be an event of S3 with detail.object.key.",
    ]


def test_a_redelivered_message_adds_no_version(publish):
    publish.s3.objects["templates/welcome/de.json"] = HELLO

    for _ in range(3):
        publish.lambda_handler(sqs_event(created("templates/welcome/de.json")), CONTEXT)

    assert len(publish.pinpoint.templates["news-welcome-de"]) == 1


def test_a_changed_object_becomes_the_active_version(publish, monkeypatch):
    event = sqs_event(created("templates/welcome/de.json"))
    for number in (1, 2, 3):
        publish.s3.objects["templates/welcome/de.json"] = {**HELLO, "subject": f"Hi {number}"}
        monkeypatch.setattr(publish.s3, "version", f"v{number}")
        publish.lambda_handler(event, CONTEXT)

    found = publish.pinpoint.get_email_template(TemplateName="news-welcome-de")
    assert found["EmailTemplateResponse"]["Subject"] == "Hi 3"
    assert len(publish.pinpoint.templates["news-welcome-de"]) == 3


@pytest.mark.parametrize("version", [None, "null"])
def test_a_change_in_a_bucket_without_versions_is_published_once(publish, version):
    publish.s3.version = version
    event = sqs_event(created("templates/welcome/de.json"))
    for subject in ("Hi 1", "Hi 1", "Hi 2"):
        publish.s3.objects["templates/welcome/de.json"] = {**HELLO, "subject": subject}
        assert publish.lambda_handler(event, CONTEXT) == {"batchItemFailures": []}

    found = publish.pinpoint.get_email_template(TemplateName="news-welcome-de")
    assert found["EmailTemplateResponse"]["Subject"] == "Hi 2"
    assert len(publish.pinpoint.templates["news-welcome-de"]) == 2


def test_a_content_that_is_too_large_is_named_so(publish, caplog):
    publish.s3.objects["templates/welcome/de.json"] = b" " * 4_000_001

    answer = publish.lambda_handler(sqs_event(created("templates/welcome/de.json")), CONTEXT)

    assert len(answer["batchItemFailures"]) == 1
    assert "larger than 4,000,000 bytes" in caplog.text + str(vars(caplog.records[0]))
