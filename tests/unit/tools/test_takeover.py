"""The command of a takeover without a hub: its options, its map, its files."""

from __future__ import annotations

import io
import json
from math import inf
from pathlib import Path
from typing import Any

import pytest

from engagement_hub.engagement import import_files
from engagement_hub.engagement.import_files import FileTooLarge, read_lines
from journey_copy.references import Replacement, replaced
from journey_copy.substitutes import NO_SUBSTITUTES
from tests.builders.takeover import (
    OLD,
    SavedFolder,
    built_on,
    campaign,
    endpoint,
    entry,
    segment,
    sms_template,
)
from tools.errors import ToolError
from tools.takeover.__main__ import main
from tools.takeover.answers import Saved
from tools.takeover.hub import NoHub, region_of
from tools.takeover.places import NoFiles, saved_files
from tools.takeover.references import campaign_references, in_order
from tools.takeover.report import Report, Result
from tools.takeover.resources import Resources
from tools.takeover.shapes import Unfit, fitted, shape_of
from tools.takeover.stored_map import MapUnusable, StoredMap
from tools.takeover.substitutes import BadSubstitutes, read_substitutes


@pytest.fixture
def saved(tmp_path: Path) -> SavedFolder:
    folder = SavedFolder(tmp_path / "saved")
    folder.path.mkdir()
    return folder


def dry_run(saved: SavedFolder, tmp_path: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    """The exit status and the report of a dry run without a hub."""
    work = tmp_path / "work"
    status = main(["--dry-run", "--from", str(saved.path), "--work", str(work), *arguments])
    [path] = work.glob("*/report.json")
    return status, json.loads(path.read_text())


# The command


def test_a_dry_run_needs_no_hub_and_no_credentials(saved, tmp_path, monkeypatch, capsys):
    for name in ("PINPOINT_API_URL", "AWS_ACCESS_KEY_ID", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    saved.project()
    saved.export("a.gz", endpoint("e1"))

    status, report = dry_run(saved, tmp_path)

    assert status == 0
    assert report["Endpoints"] == {"would be written": 1}
    assert {one["Result"] for one in report["Resources"]} == {"WOULD_BE_CREATED"}
    assert "segment: 2 WOULD_BE_CREATED" in capsys.readouterr().err


def test_the_exit_status_says_that_something_is_not_taken(saved, tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("PINPOINT_API_URL", raising=False)
    saved.project()
    saved.answer("c2.json", campaign("c2", SegmentId="gone"))

    status, _ = dry_run(saved, tmp_path)

    assert status == 1
    assert "not taken: campaign campaign c2 (c2): SegmentId:" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ([], "--dry-run"),
        (["--to-project", "p"], "--api-url"),
        (["--dry-run", "--to-project", "p"], "belong together"),
        (["--dry-run", "--staging", "s3://b/p/"], "--role-arn"),
        (["--dry-run", "--staging", "s3://b/p", "--role-arn", "r"], "slash at the end"),
    ],
)
def test_options_that_do_not_fit_are_refused(arguments, named, monkeypatch, capsys):
    monkeypatch.delenv("PINPOINT_API_URL", raising=False)

    with pytest.raises(SystemExit):
        main(["--from", "saved", *arguments])

    assert named in capsys.readouterr().err


def test_a_place_without_files_ends_the_run(tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("PINPOINT_API_URL", raising=False)

    status = main(["--dry-run", "--from", str(tmp_path / "no"), "--work", str(tmp_path / "w")])

    assert status == 2
    assert "does not exist" in capsys.readouterr().err
    with pytest.raises(NoFiles, match="has no files"):
        saved_files(str(tmp_path / "w"), lambda: pytest.fail("no S3"))


def test_the_region_is_the_one_of_the_api():
    assert region_of("https://x.execute-api.eu-west-1.amazonaws.com/", "us-east-1") == "eu-west-1"
    assert region_of("https://hub.example.com", "us-east-1") == "us-east-1"
    with pytest.raises(ToolError, match="--region"):
        region_of("https://hub.example.com", None)


# Ten thousand segments


class _CountingHub(NoHub):
    """A project that counts what is created, with some segments already there."""

    def __init__(self, there: list[dict[str, Any]]) -> None:
        super().__init__()
        self.known_segments = there
        self.created: list[dict[str, Any]] = []

    def create_segment(self, body: Any) -> str:
        self.created.append(dict(body))
        return f"n-{len(self.created)}"


def test_ten_thousand_segments_on_each_other_take_one_call_each(tmp_path):
    chain = {f"s{n}": built_on(f"s{n}", f"s{n - 1}") for n in range(9_999, 0, -1)}
    segments = {**chain, "s0": segment("s0")}
    there = [{"Id": f"old-{n}", "tags": {"copied-from": f"{OLD}/s{n}"}} for n in range(5_000)]
    hub = _CountingHub(there)
    report = Report(dry_run=False)

    with StoredMap(tmp_path / "map.jsonl", OLD, "new") as stored:
        Resources(Saved(OLD, segments), hub, stored, NO_SUBSTITUTES, report).take({})

    assert len(hub.created) == 5_000
    [first, second] = hub.created[:2]
    assert first["SegmentGroups"]["Groups"][0]["SourceSegments"][0]["Id"] == "old-4999"
    assert second["SegmentGroups"]["Groups"][0]["SourceSegments"][0]["Id"] == "n-1"
    assert entry(report, "s9999").result is Result.CREATED


def test_segments_come_behind_their_sources():
    ordered, circular = in_order(
        {"c": built_on("c", "b", "a"), "b": built_on("b", "a"), "a": segment("a")}
    )

    assert (ordered, circular) == (["a", "b", "c"], set())


# The map


def test_a_line_that_an_interruption_cut_off_is_dropped(tmp_path):
    path = tmp_path / "map.jsonl"
    with StoredMap(path, "old", "new") as stored:
        stored.put("segment", "s1", "n1")
    with path.open("ab") as file:
        file.write(b'["segment", "s2", "n')

    with StoredMap(path, "old", "new") as stored:
        stored.put("segment", "s3", "n3")
    with StoredMap(path, "old", "new") as again:
        found = dict(again.entries("segment"))

    assert found == {"s1": "n1", "s3": "n3"}


@pytest.mark.parametrize(
    ("content", "reason"),
    [('["pair", "another", "new"]\n', "other projects"), ("no map\n", "line 1, is no entry")],
)
def test_a_file_that_is_no_map_of_the_pair_is_refused(tmp_path, content, reason):
    path = tmp_path / "map.jsonl"
    path.write_text(content)

    with pytest.raises(MapUnusable, match=reason):
        StoredMap(path, "old", "new")

    assert path.read_text() == content


# Substitutes


@pytest.mark.parametrize(
    ("document", "named"),
    [
        ("no json", "cannot be read as JSON"),
        ("[]", "must hold a JSON object"),
        ('{"functions": {}}', "functions is not known"),
        ('{"segments": []}', "segments must be"),
        ('{"segments": {"a": {"to": "x"}}}', 'segments.a must have the members "from"'),
        ('{"delivery_uris": {"a": {"from": "x"}}}', "delivery_uris.a.to"),
        ('{"segments": {"a": {"from": "x", "to": null}}}', "segments.a.to must be a text"),
        ('{"templates": {"a": {"from": "x", "to": "y"}}}', "templates.a.type must be one of"),
    ],
)
def test_a_file_of_substitutes_is_refused_by_its_entry(tmp_path, document, named):
    path = tmp_path / "substitutes.json"
    path.write_text(document)

    with pytest.raises(BadSubstitutes, match=named):
        read_substitutes(path)


# Shapes and references


def test_a_value_of_another_type_is_named_by_its_member():
    with pytest.raises(Unfit, match=r"Location\.Latitude must be a number"):
        fitted(shape_of("EndpointResponse"), {"Location": {"Latitude": "north"}})


def test_a_member_is_known_by_its_name_on_the_wire():
    condition = {"segmentDimensions": {"Attributes": {}}}

    fit = fitted(shape_of("SimpleCondition"), condition)

    assert fit == {"SegmentDimensions": {"Attributes": {}}}


def test_the_template_of_a_treatment_is_replaced_with_its_version():
    treatment = {"TemplateConfiguration": {"EmailTemplate": {"Name": "a", "Version": "7"}}}
    body = campaign(AdditionalTreatments=[treatment])
    references = {one.member: one for one in campaign_references(body)}
    reference = references["AdditionalTreatments[0].TemplateConfiguration.EmailTemplate.Name"]

    new = replaced(body, [(reference, Replacement("b", "2"))])
    active = replaced(body, [(reference, Replacement("b"))])

    def template(found: dict[str, Any]) -> Any:
        return found["AdditionalTreatments"][0]["TemplateConfiguration"]["EmailTemplate"]

    assert (reference.value, reference.version) == ("a", "7")
    assert template(new) == {"Name": "b", "Version": "2"}
    assert template(active) == {"Name": "b"}


def test_a_version_with_a_recommender_is_left_out_and_the_others_are_taken(
    saved, tmp_path, monkeypatch
):
    monkeypatch.delenv("PINPOINT_API_URL", raising=False)
    saved.answer("1.json", sms_template(1, "One"))
    saved.answer("2.json", sms_template(2, "Two", RecommenderId="r1"))

    _, report = dry_run(saved, tmp_path, "--old-project", OLD)

    [found] = report["Resources"]
    assert found["Result"] == "WOULD_BE_CREATED"
    assert "Version 2 uses a recommender" in found["Warnings"][0]


def test_lines_of_a_file_that_no_import_reads_have_no_limit_of_bytes(monkeypatch):
    monkeypatch.setattr(import_files, "FILE_BYTES", 10)
    content = b"0123456789\n" * 3

    lines = list(read_lines(io.BytesIO(content), name="a.jsonl", most_bytes=inf))

    assert len(lines) == 3
    with pytest.raises(FileTooLarge):
        list(read_lines(io.BytesIO(content), name="a.jsonl", most_bytes=10))
