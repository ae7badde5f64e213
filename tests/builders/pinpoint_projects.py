"""Hosts of Pinpoint projects in memory, which ordinary boto3 clients call.

The clients validate their requests and parse the answers by botocore's model. A host answers in the
place of the network, as the API reference describes: it knows journeys, segments and templates.
"""

from __future__ import annotations

import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from itertools import cycle
from typing import Any, cast
from urllib.parse import parse_qs, unquote, urlsplit

import boto3
from botocore.awsrequest import AWSResponse, HeadersDict
from botocore.config import Config

CREATED = "2027-01-01T00:00:00.000Z"
_DEFINITION = ("Dimensions", "Name", "SegmentGroups", "tags")

# More than the hosts of a test: making a client takes longer than most tests.
_places = cycle(range(8))

Body = dict[str, Any]


@cache
def _client(place: int) -> Any:
    return boto3.client(
        "pinpoint",
        region_name="eu-west-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
        config=Config(retries={"total_max_attempts": 1}),
    )


class Refused(Exception):
    """An error answer of the API."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


class PinpointHost:
    """Projects by id, and the templates that they share. `calls` counts operations."""

    def __init__(self, *project_ids: str) -> None:
        self.journeys: dict[str, dict[str, Body]] = {one: {} for one in project_ids}
        self.segments: dict[str, dict[str, list[Body]]] = {one: {} for one in project_ids}
        self.templates: dict[tuple[str, str], list[Body]] = {}
        self.active: dict[tuple[str, str], str] = {}
        self.calls: Counter[str] = Counter()
        # Operation => what to do instead of an answer, once each.
        self.loses_answer_of: list[str] = []
        self.refuses: dict[str, Refused] = {}
        self.before: dict[str, Callable[[], object]] = {}
        self.page_size = 2
        self._number = 0
        self._place = next(_places)

    def client(self) -> Any:
        """Return a client that tries once, so that a lost answer is the caller's to handle."""
        client = _client(self._place)
        client.meta.events.unregister("before-send.pinpoint", unique_id="host")
        client.meta.events.register("before-send.pinpoint", self._answer, unique_id="host")
        return client

    # Content of a test

    def add_journey(self, project_id: str, **members: Any) -> str:
        journey_id = self._new_id("a")
        self.journeys[project_id][journey_id] = {
            "ApplicationId": project_id,
            "Id": journey_id,
            "CreationDate": CREATED,
            "LastModifiedDate": CREATED,
            "State": "DRAFT",
            "tags": {"team": "crm"},
            **members,
        }
        return journey_id

    def add_segment(self, project_id: str, **members: Any) -> str:
        segment_id = self._new_id("5")
        self.segments[project_id][segment_id] = []
        self._add_segment_version(project_id, segment_id, members)
        return segment_id

    def change_segment(self, project_id: str, segment_id: str, **members: Any) -> None:
        newest = self.segments[project_id][segment_id][-1]
        kept = {name: newest[name] for name in _DEFINITION if name in newest}
        self._add_segment_version(project_id, segment_id, kept | members)

    def add_template(self, kind: str, name: str, *, activate: bool = True, **members: Any) -> str:
        versions = self.templates.setdefault((kind, name), [])
        version = str(len(versions) + 1)
        versions.append(
            {
                "TemplateName": name,
                "TemplateType": kind,
                "CreationDate": CREATED,
                "LastModifiedDate": CREATED,
                "Arn": f"arn:aws:mobiletargeting:eu-west-1:111122223333:templates/{name}/{kind}",
                "Version": version,
                **members,
            }
        )
        if activate or version == "1":
            self.active[kind, name] = version
        return version

    def state(self) -> Any:
        """Return everything that is stored, to compare it with later."""
        return json.loads(
            json.dumps([self.journeys, self.segments, list(self.templates.values())], default=str)
        )

    # The network

    def _answer(self, request: Any, event_name: str = "", **_: Any) -> AWSResponse:
        operation = event_name.split(".")[-1]
        self.calls[operation] += 1
        url = urlsplit(request.url)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        body = json.loads(request.body) if request.body else {}
        if operation in self.before:
            self.before.pop(operation)()
        try:
            if operation in self.refuses:
                raise self.refuses.pop(operation)
            status, answer = self._do(request.method, unquote(url.path), query, body)
        except Refused as refused:
            return _response(
                request.url, refused.status, {"Message": refused.message}, refused.code
            )
        if operation in self.loses_answer_of:
            self.loses_answer_of.remove(operation)
            return _response(request.url, 504, {"message": "Endpoint request timed out"})
        return _response(request.url, status, answer)

    def _do(self, method: str, path: str, query: dict[str, str], body: Body) -> tuple[int, Any]:
        template = re.fullmatch(r"/v1/templates/([^/]+)/(?i:(email|sms|push))(/.+)?", path)
        if template:
            name, kind, rest = template[1], template[2].upper(), template[3]
            return self._template(method, kind, name, rest, query, body)
        found = re.fullmatch(r"/v1/apps/([^/]+)/(journeys|segments)(?:/([^/]+))?(/.+)?", path)
        assert found, path
        project_id, kind, resource_id, rest = found.groups()
        if project_id not in self.journeys:
            raise Refused(404, "NotFoundException", f"Resource not found: {project_id}")
        if kind == "journeys":
            return self._journey(method, project_id, resource_id, query, body)
        return self._segment(method, project_id, resource_id, rest, query, body)

    def _journey(
        self, method: str, project_id: str, journey_id: str | None, query: Body, body: Body
    ) -> tuple[int, Any]:
        journeys = self.journeys[project_id]
        if journey_id is None and method == "GET":
            return 200, _page(list(journeys.values()), query, self.page_size)
        if journey_id is None:
            new = self.add_journey(project_id, **body)
            journeys[new].pop("tags")
            return 201, journeys[new]
        if journey_id not in journeys:
            raise Refused(404, "NotFoundException", f"Resource not found: {journey_id}")
        if method == "PUT":
            merged = {**journeys[journey_id], **body}  # an empty member removes what was there
            journeys[journey_id] = {k: v for k, v in merged.items() if v not in ({}, [], "")}
        if method == "DELETE":
            return 200, journeys.pop(journey_id)
        return 200, journeys[journey_id]

    def _segment(
        self,
        method: str,
        project_id: str,
        segment_id: str | None,
        rest: str | None,
        query: Body,
        body: Body,
    ) -> tuple[int, Any]:
        segments = self.segments[project_id]
        if segment_id is None and method == "GET":
            return 200, _page(
                [versions[-1] for versions in segments.values()], query, self.page_size
            )
        if segment_id is None:
            return 201, segments[self.add_segment(project_id, **body)][-1]
        if segment_id not in segments:
            raise Refused(404, "NotFoundException", f"Resource not found: {segment_id}")
        if method == "PUT":
            self.change_segment(project_id, segment_id, **body)
            return 202, segments[segment_id][-1]
        if rest:
            number = int(rest.removeprefix("/versions/"))
            if number > len(segments[segment_id]):
                raise Refused(404, "NotFoundException", f"Resource not found: {number}")
            return 200, segments[segment_id][number - 1]
        return 200, segments[segment_id][-1]

    def _template(
        self, method: str, kind: str, name: str, rest: str | None, query: Body, body: Body
    ) -> tuple[int, Any]:
        versions = self.templates.get((kind, name))
        if method == "POST":
            if versions:
                raise Refused(400, "BadRequestException", "Template already exists.")
            self.add_template(kind, name, **body)
            return 201, {"Message": "Created"}
        if versions is None:
            raise Refused(404, "NotFoundException", f"Template {name} does not exist.")
        if rest == "/versions":
            return 200, _page(versions, query, self.page_size)
        if rest == "/active-version":
            self.active[kind, name] = body["Version"]
            return 202, {"Message": "Accepted"}
        if method == "PUT":
            assert query["create-new-version"] == "true"
            self.add_template(kind, name, activate=False, tags=versions[-1].get("tags"), **body)
            return 202, {"Message": "Accepted"}
        version = int(query.get("version", self.active[kind, name]))
        if version > len(versions):
            raise Refused(404, "NotFoundException", f"Template {name} has no version {version}.")
        return 200, versions[version - 1]

    def _add_segment_version(self, project_id: str, segment_id: str, members: Body) -> None:
        versions = self.segments[project_id][segment_id]
        versions.append(
            {
                "ApplicationId": project_id,
                "Arn": f"arn:aws:mobiletargeting:eu-west-1:111122223333:segments/{segment_id}",
                "CreationDate": CREATED,
                "Id": segment_id,
                "SegmentType": "DIMENSIONAL",
                "Version": len(versions) + 1,
                **members,
            }
        )

    def _new_id(self, letter: str) -> str:
        self._number += 1
        return f"{self._number:08x}{letter * 24}"


def _page(items: list[Body], query: Body, size: int) -> Body:
    first = int(query.get("token") or query.get("next-token", "0"))
    page: Body = {"Item": items[first : first + size]}
    if first + size < len(items):
        page["NextToken"] = str(first + size)
    return page


def _response(url: str, status: int, body: Any, code: str = "") -> AWSResponse:
    headers = HeadersDict({"content-type": "application/json"})
    if code:
        headers["x-amzn-ErrorType"] = code
    raw = _Raw(json.dumps(body).encode())
    return AWSResponse(url, status, cast("Any", headers), cast("Any", raw))


class _Raw(io.BytesIO):
    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()
