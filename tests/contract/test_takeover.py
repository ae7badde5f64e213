"""Saved files of Amazon Pinpoint are taken over into a hub whose API answers in process."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ReadTimeoutError

from tests.builders.takeover import (
    ACCOUNT,
    FUNCTION,
    METADATA,
    OLD,
    OTHER,
    STAGING,
    TakeoverHub,
    built_on,
    campaign,
    endpoint,
    entry,
    imported_segment,
    journey,
    lines,
    segment,
    sms_template,
    takeover_hub,
    templates_listed,
)
from tools.takeover import transfer
from tools.takeover.answers import UnclearProject
from tools.takeover.report import Result
from tools.takeover.resources import Stopped
from tools.takeover.stored_map import MapUnusable, StoredMap
from tools.takeover.transfer import StagingNeeded

WRITES = ("Create", "Update", "Delete", "Put", "Tag", "Untag")


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[TakeoverHub]:
    with takeover_hub(monkeypatch, tmp_path) as hub:
        yield hub


def writes(hub: TakeoverHub) -> list[str]:
    return [call for call in hub.calls if call.startswith(WRITES)]


def by_name(items: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {item["Name"]: item for item in items}


def answer_is_lost(hub: TakeoverHub, operation: str) -> None:
    """Let the hub do its work of one call, and lose the answer."""
    lost: list[str] = []

    def lose(**_: Any) -> None:
        if not lost:
            lost.append(operation)
            raise ReadTimeoutError(endpoint_url="https://hub.example.com")

    hub.client.meta.events.register(f"after-call.pinpoint.{operation}", lose)


# A whole project


def test_a_project_arrives_with_its_references_rewritten(hub):
    hub.saved.project()
    hub.saved.export("exports/a.gz", endpoint("e1"))

    report = hub.run()

    assert report.is_complete, report
    segments = by_name(hub.items("get_segments"))
    [source] = segments["segment s2"]["SegmentGroups"]["Groups"][0]["SourceSegments"]
    assert source == {"Id": segments["segment s1"]["Id"], "Version": 1}
    [made] = hub.items("get_campaigns")
    assert made["SegmentId"] == segments["segment s2"]["Id"]
    assert made["TemplateConfiguration"]["SMSTemplate"] == {"Name": "reminder", "Version": "3"}
    [copy] = hub.items("list_journeys")
    start = copy["StartCondition"]["SegmentStartCondition"]["SegmentId"]
    assert start == segments["segment s1"]["Id"]
    assert copy["Activities"]["greet"]["SMS"]["TemplateVersion"] == "1"
    assert hub.endpoint("e1")["Address"] == "+14255550100"


def test_no_message_goes_out_by_taking_over(hub):
    hub.saved.project()

    hub.run()

    [made] = hub.items("get_campaigns")
    assert (made["IsPaused"], made["State"]["CampaignStatus"]) == (True, "PAUSED")
    assert [one["State"] for one in hub.items("list_journeys")] == ["DRAFT"]
    assert hub.machines.runs == []


def test_the_versions_of_a_template_arrive_in_order_and_the_active_one_is_active(hub):
    hub.saved.project()

    hub.run()

    bodies = [
        hub.client.get_sms_template(TemplateName="reminder", Version=str(version))
        for version in (1, 2, 3)
    ]
    assert [one["SMSTemplateResponse"]["Body"] for one in bodies] == ["One", "Two", "Three"]
    active = hub.client.get_sms_template(TemplateName="reminder")["SMSTemplateResponse"]
    assert active["Version"] == "2"


def test_a_reference_to_a_version_behind_a_deleted_one_has_the_new_number(hub):
    hub.saved.listing("segments.json", "SegmentsResponse", segment("s1"))
    for version, text in ((2, "Two"), (5, "Five")):
        hub.saved.answer(f"t{version}.json", sms_template(version, text))
    reference = {"SMSTemplate": {"Name": "reminder", "Version": "5"}}
    hub.saved.answer("c.json", {"CampaignResponse": campaign(TemplateConfiguration=reference)})

    hub.run()

    [made] = hub.items("get_campaigns")
    assert made["TemplateConfiguration"]["SMSTemplate"]["Version"] == "2"
    body = hub.client.get_sms_template(TemplateName="reminder", Version="2")
    assert body["SMSTemplateResponse"]["Body"] == "Five"


def test_settings_arrive_and_settings_of_the_hub_stay(hub):
    hub.saved.project()
    hub.client.update_application_settings(
        ApplicationId=hub.project_id, WriteApplicationSettingsRequest={"Limits": {"Daily": 1}}
    )

    report = hub.run()

    answer = hub.client.get_application_settings(ApplicationId=hub.project_id)
    settings = answer["ApplicationSettingsResource"]
    assert settings["Limits"] == {"Daily": 1}
    assert settings["QuietTime"] == {"Start": "22:00", "End": "06:00"}
    assert entry(report, "Limits").result is Result.NOT_TAKEN


def test_a_function_is_replaced_by_the_callers_counterpart(hub, tmp_path):
    elsewhere = FUNCTION.replace(ACCOUNT, "999999999999")
    hub.saved.project()
    hub.saved.answer(
        "c2.json", campaign("c2", Hook={"LambdaFunctionName": elsewhere, "Mode": "FILTER"})
    )
    substitutes = tmp_path / "substitutes.json"
    counterpart = {"from": elsewhere, "to": "arn:aws:lambda:us-east-1:123456789012:function:new"}
    substitutes.write_text(json.dumps({"delivery_uris": {"greet": counterpart}}))

    report = hub.run("--substitutes", str(substitutes))

    made = by_name(hub.items("get_campaigns"))["campaign c2"]
    assert made["Hook"]["LambdaFunctionName"] == counterpart["to"]
    assert report.functions == {FUNCTION, counterpart["to"]}


def test_a_function_of_another_account_without_a_counterpart_is_named(hub):
    elsewhere = FUNCTION.replace(ACCOUNT, "999999999999")
    hub.saved.project()
    hub.saved.answer("c2.json", campaign("c2", Hook={"LambdaFunctionName": elsewhere}))

    report = hub.run()

    found = entry(report, "c2")
    assert found.result is Result.NOT_TAKEN
    assert "Hook.LambdaFunctionName" in found.reasons[0]
    assert "substitutes.delivery_uris" in found.reasons[0]


# A dry run


def test_a_dry_run_writes_nothing_and_says_what_would_be(hub):
    hub.saved.project()
    hub.saved.export("exports/a.gz", endpoint("e1"))

    report = hub.run("--dry-run")

    assert writes(hub) == []
    assert {one.result for one in report.entries} == {Result.WOULD_BE_CREATED}
    assert report.endpoints == {"would be written": 1}
    assert hub.items("get_segments") == []


def test_a_dry_run_names_the_campaign_that_the_hub_would_refuse(hub):
    hub.saved.project()
    schedule = {"Frequency": "EVENT", "StartTime": "2026-03-02T09:00:00Z"}
    hub.saved.answer("c2.json", campaign("c2", Schedule=schedule))

    dry = entry(hub.run("--dry-run"), "c2")
    real = entry(hub.run(), "c2")

    assert dry.result is real.result is Result.NOT_TAKEN
    assert "EVENT" in dry.reasons[0] and "EVENT" in real.reasons[0]


# Campaigns that have no future, or would send


@pytest.mark.parametrize("status", ["COMPLETED", "DELETED"])
def test_a_campaign_that_is_over_is_left_out(hub, status):
    hub.saved.project()
    hub.saved.answer("c2.json", campaign("c2", State={"CampaignStatus": status}))

    report = hub.run()

    assert entry(report, "c2").result is Result.LEFT_OUT
    assert report.is_complete


def test_an_immediate_campaign_is_not_taken_because_it_would_send(hub):
    hub.saved.project()
    hub.saved.answer("c2.json", campaign("c2", Schedule={"StartTime": "immediate"}))

    report = hub.run()

    assert "IMMEDIATE" in entry(report, "c2").reasons[0]
    assert "campaign c2" not in by_name(hub.items("get_campaigns"))
    assert hub.machines.runs == []


def test_a_campaign_whose_time_is_past_is_named_with_the_rule(hub):
    hub.saved.project()
    past = {"StartTime": "2020-01-01T00:00:00Z", "Frequency": "ONCE"}
    hub.saved.answer("c2.json", campaign("c2", Schedule=past))

    report = hub.run()

    assert "no run left" in entry(report, "c2").reasons[0]


# Repetition


def test_a_second_run_writes_nothing(hub):
    hub.saved.project()
    hub.saved.export("exports/a.gz", endpoint("e1"))
    hub.run()

    again = hub.run()

    assert writes(hub) == []
    assert {one.result for one in again.entries} == {Result.ALREADY_THERE}


def test_a_run_whose_map_is_lost_finds_everything_by_its_tags(hub):
    hub.saved.project()
    hub.run()
    shutil.rmtree(hub.work)

    again = hub.run()

    assert writes(hub) == []
    assert {one.result for one in again.entries} == {Result.ALREADY_THERE}
    assert len(hub.items("get_segments")) == 2
    assert len(hub.items("list_journeys")) == len(hub.items("get_campaigns")) == 1


def test_changes_of_people_stay_where_the_map_is_lost(hub):
    hub.saved.project()
    hub.run()
    shutil.rmtree(hub.work)
    hub.client.update_template_active_version(
        TemplateName="reminder",
        TemplateType="SMS",
        TemplateActiveVersionRequest={"Version": "3"},
    )
    [made] = hub.items("list_journeys")
    hub.client.update_journey(
        ApplicationId=hub.project_id,
        JourneyId=made["Id"],
        WriteJourneyRequest={"Name": "renamed", "Limits": {"DailyCap": 3}},
    )

    hub.run()

    active = hub.client.get_sms_template(TemplateName="reminder")["SMSTemplateResponse"]
    assert active["Version"] == "3"
    assert list(by_name(hub.items("list_journeys"))) == ["renamed"]


@pytest.mark.parametrize(
    "operation",
    ["CreateSegment", "CreateSmsTemplate", "UpdateSmsTemplate", "CreateJourney", "CreateCampaign"],
)
def test_a_resource_whose_answer_was_lost_is_created_once(hub, operation):
    hub.saved.project()
    answer_is_lost(hub, operation)
    first = hub.run()

    second = hub.run()

    assert not first.is_complete and second.is_complete
    assert len(hub.items("get_segments")) == 2
    assert len(hub.items("list_journeys")) == len(hub.items("get_campaigns")) == 1
    versions = hub.client.list_template_versions(TemplateName="reminder", TemplateType="SMS")
    assert len(versions["TemplateVersionsResponse"]["Item"]) == 3
    active = hub.client.get_sms_template(TemplateName="reminder")["SMSTemplateResponse"]
    assert active["Version"] == "2"


def test_a_run_that_was_killed_amid_the_segments_goes_on(hub):
    hub.saved.listing("s.json", "SegmentsResponse", *(segment(f"s{n}") for n in range(4)))

    begun: list[int] = []

    def kill(**_: Any) -> None:
        begun.append(1)
        if len(begun) == 3:
            raise KeyboardInterrupt

    hub.client.meta.events.register("before-call.pinpoint.CreateSegment", kill)
    with pytest.raises(KeyboardInterrupt):
        hub.run()

    report = hub.run()

    assert report.is_complete
    assert len(hub.items("get_segments")) == 4


def test_a_change_that_people_made_in_the_hub_stays(hub):
    hub.saved.project()
    hub.run()
    made = by_name(hub.items("get_segments"))["segment s1"]
    hub.client.update_segment(
        ApplicationId=hub.project_id,
        SegmentId=made["Id"],
        WriteSegmentRequest={"Name": "ours", "Dimensions": {}},
    )
    hub.client.update_template_active_version(
        TemplateName="reminder",
        TemplateType="SMS",
        TemplateActiveVersionRequest={"Version": "3"},
    )

    hub.run()

    assert "ours" in by_name(hub.items("get_segments"))
    active = hub.client.get_sms_template(TemplateName="reminder")["SMSTemplateResponse"]
    assert active["Version"] == "3"


def test_a_resource_that_people_deleted_in_the_hub_does_not_return(hub):
    hub.saved.listing("s.json", "SegmentsResponse", segment("s1"))
    hub.run()
    [made] = hub.items("get_segments")
    hub.client.delete_segment(ApplicationId=hub.project_id, SegmentId=made["Id"])

    report = hub.run()

    assert "deleted in the hub" in entry(report, "s1").reasons[0]
    assert hub.items("get_segments") == []


def test_a_hub_that_does_not_answer_ends_the_run(hub):
    hub.saved.listing("s.json", "SegmentsResponse", *(segment(f"s{n}") for n in range(9)))

    tried: list[str] = []

    def silent(model: Any, **_: Any) -> None:
        tried.append(model.name)
        raise ReadTimeoutError(endpoint_url="https://hub.example.com")

    hub.client.meta.events.register("before-call.pinpoint.CreateSegment", silent)

    with pytest.raises(Stopped, match="3 calls in a row"):
        hub.run()

    assert tried == ["CreateSegment"] * 3


def test_two_runs_at_a_time_do_not_share_a_map(hub):
    hub.saved.listing("s.json", "SegmentsResponse", segment("s1"))
    hub.run()
    [path] = hub.work.glob("*/map.jsonl")

    with StoredMap(path, OLD, hub.project_id), pytest.raises(MapUnusable, match="another run"):
        hub.run()


# Names that exist


def test_a_template_whose_name_is_taken_gets_another_name_and_references_follow(hub):
    hub.client.create_sms_template(TemplateName="reminder", SMSTemplateRequest={"Body": "Ours"})
    hub.saved.project()

    report = hub.run()

    new = entry(report, "SMS/reminder").new
    assert new is not None and new.startswith("reminder-")
    [made] = hub.items("get_campaigns")
    assert made["TemplateConfiguration"]["SMSTemplate"]["Name"] == new
    kept = hub.client.get_sms_template(TemplateName="reminder")["SMSTemplateResponse"]
    assert (kept["Body"], kept["Version"]) == ("Ours", "1")


def test_a_journey_whose_name_is_taken_gets_another_name(hub):
    hub.client.create_journey(
        ApplicationId=hub.project_id, WriteJourneyRequest={"Name": "welcome-j1"}
    )
    hub.saved.project()

    hub.run()

    assert sorted(by_name(hub.items("list_journeys"))) == ["welcome-j1", "welcome-j1-j1"]


# References that lead nowhere


def test_a_campaign_of_a_segment_that_is_not_saved_is_named(hub):
    hub.saved.project()
    hub.saved.answer("c2.json", campaign("c2", SegmentId="gone"))

    report = hub.run()

    assert "segment gone is not saved" in entry(report, "c2").reasons[0]
    assert "substitutes.segments" in entry(report, "c2").reasons[0]


def test_a_journey_of_a_template_version_that_is_not_saved_is_named(hub):
    hub.saved.project()
    activities = {"greet": {"SMS": {"TemplateName": "reminder", "TemplateVersion": "9"}}}
    hub.saved.answer("j2.json", journey("j2", Activities=activities))

    report = hub.run()

    [reason] = entry(report, "j2").reasons
    assert reason.startswith("Activities.greet.SMS.TemplateName: version 9")


def test_segments_in_a_circle_are_named_and_others_are_taken(hub):
    hub.saved.listing(
        "s.json",
        "SegmentsResponse",
        built_on("a", "b"),
        built_on("b", "a"),
        built_on("on-the-circle", "b"),
        built_on("itself", "itself"),
        segment("s1"),
    )

    report = hub.run()

    assert list(by_name(hub.items("get_segments"))) == ["segment s1"]
    for old in ("a", "b", "on-the-circle", "itself"):
        assert "leads back" in entry(report, old).reasons[0]


# Endpoints


def test_opted_out_and_inactive_endpoints_stay_so(hub):
    hub.saved.export(
        "a.gz",
        endpoint("out", 1, OptOut="ALL"),
        endpoint("off", 2, EndpointStatus="INACTIVE"),
        endpoint("on", 3),
    )

    hub.run()

    assert hub.endpoint("out")["OptOut"] == "ALL"
    assert hub.endpoint("off")["EndpointStatus"] == "INACTIVE"
    assert (hub.endpoint("on")["OptOut"], hub.endpoint("on")["EndpointStatus"]) == (
        "NONE",
        "ACTIVE",
    )


@pytest.mark.parametrize("means", [(), STAGING], ids=["batches", "import job"])
def test_an_opt_out_in_the_hub_survives_a_takeover(hub, means):
    later, earlier = "2026-12-01T00:00:00.000Z", "2026-01-01T00:00:00.000Z"
    sms = {"ChannelType": "SMS", "Address": "+14255550777"}
    hub.put("newer", **sms, OptOut="ALL", EffectiveDate=later)
    hub.put("older", ChannelType="SMS", Address="+14255550778", OptOut="ALL", EffectiveDate=earlier)
    hub.put(
        "off",
        ChannelType="SMS",
        Address="+14255550779",
        EndpointStatus="INACTIVE",
        EffectiveDate=earlier,
    )
    hub.saved.export("a.gz", *(endpoint(one, n) for n, one in enumerate(("newer", "older", "off"))))

    hub.run(*means)

    assert hub.endpoint("newer")["OptOut"] == "ALL"
    assert hub.endpoint("newer")["Address"] == "+14255550777"
    assert hub.endpoint("older")["OptOut"] == "ALL"
    assert hub.endpoint("older")["Address"] == "+14255550001"
    assert hub.endpoint("off")["EndpointStatus"] == "INACTIVE"


@pytest.mark.parametrize("means", [(), STAGING], ids=["batches", "import job"])
def test_a_saved_opt_out_reaches_an_endpoint_that_is_newer_in_the_hub_once(hub, means):
    later = "2026-12-01T00:00:00.000Z"
    sms = {"ChannelType": "SMS", "Address": "+14255550777"}
    hub.put("e1", **sms, EffectiveDate=later)
    hub.saved.export("a.gz", endpoint("e1", OptOut="ALL"))

    hub.run(*means)
    opted_out = hub.endpoint("e1")
    hub.put("e1", OptOut="NONE")  # the person opts in again
    hub.run(*means)

    assert (opted_out["OptOut"], opted_out["Address"]) == ("ALL", "+14255550777")
    assert hub.endpoint("e1")["OptOut"] == "NONE"


def test_the_newest_copy_of_an_endpoint_counts_and_an_opt_out_of_any_copy(hub):
    old = endpoint(
        "e1", OptOut="ALL", EffectiveDate="2026-01-01T00:00:00Z", Attributes={"A": ["1"]}
    )
    new = endpoint("e1", EffectiveDate="2026-05-01T00:00:00Z", Attributes={"A": ["2"]})
    hub.saved.export("a.gz", new)
    hub.saved.export("b.gz", old)

    report = hub.run()

    assert hub.endpoint("e1")["Attributes"] == {"A": ["2"]}
    assert hub.endpoint("e1")["OptOut"] == "ALL"
    assert any("opted out in one file" in text for text in report.warnings)


def test_the_oldest_endpoints_of_a_user_with_more_than_fifteen_are_named(hub):
    user = {"UserId": "ann", "UserAttributes": {"Name": ["Ann"]}}
    hub.saved.export(
        "a.gz",
        *(
            endpoint(f"e{n:02d}", n, User=user, EffectiveDate=f"2026-05-{n + 1:02d}T00:00:00Z")
            for n in range(17)
        ),
    )

    report = hub.run()

    found = hub.client.get_user_endpoints(ApplicationId=hub.project_id, UserId="ann")
    ids = {one["Id"] for one in found["EndpointsResponse"]["Item"]}
    assert ids == {f"e{n:02d}" for n in range(2, 17)}
    named = [text.partition(":")[0] for text in report.problems if "more than 15" in text]
    assert named == ["a.gz, line 2", "a.gz, line 1"]


def test_the_attributes_of_a_user_are_the_newest_ones(hub):
    def of_ann(endpoint_id: str, number: int, month: int, name: str) -> dict[str, Any]:
        user = {"UserId": "ann", "UserAttributes": {"Name": [name]}}
        return endpoint(
            endpoint_id, number, User=user, EffectiveDate=f"2026-{month:02d}-01T00:00:00Z"
        )

    hub.saved.export("a.gz", of_ann("e1", 1, 5, "Anna"), of_ann("e2", 2, 3, "Ann"))

    hub.run()

    assert hub.endpoint("e2")["User"]["UserAttributes"] == {"Name": ["Anna"]}


def test_the_attributes_of_a_user_that_is_newer_in_the_hub_stay(hub):
    user = {"UserId": "ann", "UserAttributes": {"Name": ["Ann"]}}
    later = {"UserId": "ann", "UserAttributes": {"Name": ["Dr Ann"]}}
    address = {"ChannelType": "SMS", "Address": "+14255550001"}
    hub.put("e1", **address, User=later, EffectiveDate="2026-12-01T00:00:00.000Z")
    hub.saved.export("a.gz", endpoint("e1", 1, User=user), endpoint("e2", 2, User=user))

    hub.run()

    assert hub.endpoint("e2")["User"] == later


def test_many_endpoints_go_in_by_one_job_and_leave_no_file_behind(hub, monkeypatch):
    monkeypatch.setattr(transfer, "FEW", 3)
    monkeypatch.setattr(transfer, "_PART_ROWS", 4)
    hub.saved.export("a.gz", *(endpoint(f"e{n}", n) for n in range(10)))

    report = hub.run(*STAGING)

    assert hub.machines.jobs == ["export", "import"]
    assert "UpdateEndpointsBatch" not in hub.calls and "GetEndpoint" not in hub.calls
    assert report.endpoints == {"written": 10}
    assert hub.endpoint("e7")["Address"] == "+14255550007"
    assert boto3.client("s3").list_objects_v2(Bucket="files")["KeyCount"] == 0


def test_many_endpoints_without_a_place_for_files_are_refused_before_anything_is_created(
    hub, monkeypatch
):
    monkeypatch.setattr(transfer, "FEW", 3)
    hub.saved.project()
    hub.saved.export("a.gz", *(endpoint(f"e{n}", n) for n in range(10)))

    with pytest.raises(StagingNeeded, match="--staging"):
        hub.run()

    assert writes(hub) == []


def test_a_second_import_writes_the_endpoints_that_are_missing(hub, monkeypatch):
    hub.saved.export("a.gz", endpoint("e1"))
    hub.run(*STAGING)
    hub.saved.export("b.gz", endpoint("e2", 101))

    report = hub.run(*STAGING)

    assert report.endpoints == {"already there": 1, "written": 1}


def test_an_import_whose_answer_was_lost_is_finished_by_the_next_run(hub):
    hub.saved.export("a.gz", endpoint("e1"))
    answer_is_lost(hub, "CreateImportJob")
    with pytest.raises(ReadTimeoutError):
        hub.run(*STAGING)

    report = hub.run(*STAGING)

    assert report.endpoints == {"already there": 1}
    assert hub.machines.jobs.count("import") == 1
    assert boto3.client("s3").list_objects_v2(Bucket="files")["KeyCount"] == 0


def test_an_endpoint_that_the_hub_refuses_costs_only_itself(hub):
    hub.saved.export("a.gz", endpoint("bad?id", 1), endpoint("e1", 2, Address=7), endpoint("e2", 3))

    report = hub.run()

    assert hub.endpoint("e2")["Address"] == "+14255550003"
    assert report.endpoints["not taken"] == 1
    assert any(text.startswith("a.gz, line 1:") and "URL" in text for text in report.problems)
    assert "+1425" not in json.dumps(report.problems)


def test_an_imported_segment_gets_the_members_of_its_folder(hub):
    hub.saved.listing(
        "s.json",
        "SegmentsResponse",
        imported_segment("i1"),
        built_on("s2", "i1"),
        imported_segment("i2"),
    )
    hub.saved.export("all/a.gz", *(endpoint(f"e{n}", n) for n in range(4)))
    hub.saved.export("segments/i1/part.gz", endpoint("e1", 1), endpoint("e3", 3))

    report = hub.run(*STAGING)

    made = by_name(hub.items("get_segments"))
    assert made["segment i1"]["SegmentType"] == "IMPORT"
    assert made["segment i1"]["ImportDefinition"]["Size"] == 2
    [source] = made["segment s2"]["SegmentGroups"]["Groups"][0]["SourceSegments"]
    assert source["Id"] == made["segment i1"]["Id"]
    assert "a folder named i2" in entry(report, "i2").reasons[0]


def test_the_import_of_a_segment_whose_answer_was_lost_is_not_repeated(hub):
    hub.saved.listing("s.json", "SegmentsResponse", imported_segment("i1"))
    hub.saved.export("i1/part.gz", endpoint("e1", 1))
    hub.run("--dry-run")
    hub.saved.export("i1/part.gz", endpoint("e1", 1))
    answer_is_lost_of_second(hub)
    first = hub.run(*STAGING)

    second = hub.run(*STAGING)

    assert not first.is_complete and second.is_complete
    assert len(hub.items("get_segments")) == 1


def answer_is_lost_of_second(hub: TakeoverHub) -> None:
    """Lose the answer of the second CreateImportJob: the segment's."""
    seen: list[int] = []

    def lose(**_: Any) -> None:
        seen.append(1)
        if len(seen) == 2:
            raise ReadTimeoutError(endpoint_url="https://hub.example.com")

    hub.client.meta.events.register("after-call.pinpoint.CreateImportJob", lose)


# Files as they are


def test_files_of_s3_are_read_like_a_folder(hub):
    s3 = boto3.client("s3")
    page = {"SegmentsResponse": {"Item": [segment("s1")]}}
    s3.put_object(Bucket="files", Key="saved/segments.json", Body=json.dumps(page).encode())
    packed = gzip.compress(lines([endpoint("e1")]).encode())
    s3.put_object(Bucket="files", Key="saved/exports/0.gz", Body=packed)
    s3.put_object(Bucket="files", Key="saved/exports/", Body=b"")

    report = hub.run("--from", "s3://files/saved/")

    assert report.is_complete, report
    assert list(by_name(hub.items("get_segments"))) == ["segment s1"]
    assert hub.endpoint("e1")["Address"] == "+14255550100"


def test_pages_in_several_files_are_one_listing(hub):
    hub.saved.listing("1.json", "SegmentsResponse", segment("s1"), token="t1")
    hub.saved.listing("2.json", "SegmentsResponse", segment("s2"), token="t2")
    hub.saved.listing("3.json", "SegmentsResponse", segment("s3"))

    report = hub.run()

    assert report.is_complete
    assert len(hub.items("get_segments")) == 3


def test_a_listing_without_its_last_page_is_named(hub):
    hub.saved.listing("1.json", "SegmentsResponse", segment("s1"), token="t1")

    report = hub.run()

    assert not report.is_complete
    assert "Pages of SegmentResponse are missing" in report.problems[0]
    assert len(hub.items("get_segments")) == 1


@pytest.mark.parametrize(
    "content",
    [
        {"SegmentsResponse": {"Item": [segment("s1")]}},
        {"ResponseMetadata": METADATA, "SegmentsResponse": {"Item": [segment("s1")]}},
        {"Item": [segment("s1")]},
        [segment("s1")],
        segment("s1"),
        {"SegmentResponse": segment("s1")},
        [{"SegmentResponse": segment("s1")}],
    ],
)
def test_an_answer_is_read_with_and_without_its_wrapper(hub, content):
    hub.saved.answer("s.json", content)

    report = hub.run()

    assert report.is_complete, report
    assert list(by_name(hub.items("get_segments"))) == ["segment s1"]


def test_answers_that_a_loop_appended_to_one_file_are_all_read(hub):
    texts = [json.dumps({"SegmentResponse": segment(f"s{n}")}, indent=2) for n in range(3)]
    hub.saved.write("s.json", "\n".join(texts))

    hub.run()

    assert len(hub.items("get_segments")) == 3


def test_a_byte_order_mark_and_utf_16_are_read(hub):
    text = json.dumps({"SegmentResponse": segment("s1", Name="Köln")}, ensure_ascii=False)
    hub.saved.write("a.json", b"\xef\xbb\xbf" + text.encode())
    hub.saved.write("b.json", text.replace("s1", "s2").encode("utf-16"))
    hub.saved.write("c.jsonl", b"\xef\xbb\xbf" + lines([endpoint("e1")]).encode())

    report = hub.run()

    assert report.is_complete, report
    assert [one["Name"] for one in hub.items("get_segments")] == ["Köln", "Köln"]
    assert hub.endpoint("e1")["Address"]


def test_half_a_listing_gives_its_whole_items_and_a_problem(hub):
    text = json.dumps({"SegmentsResponse": {"Item": [segment("s1"), segment("s2")]}}, indent=4)
    hub.saved.write("s.json", text[: text.rindex("Dimensions")])

    report = hub.run()

    assert list(by_name(hub.items("get_segments"))) == ["segment s1"]
    assert report.problems == [
        "s.json: the JSON that begins in line 1 does not end or is damaged; 1 whole items of it "
        "are read."
    ]


def test_a_damaged_export_gives_the_lines_before_the_damage(hub):
    packed = gzip.compress(lines(endpoint(f"e{n}", n) for n in range(2_000)).encode())
    hub.saved.write("a.gz", packed[: len(packed) // 2])

    report = hub.run("--dry-run")

    assert 100 < report.endpoints["would be written"] < 2_000
    assert "ends in the middle" in report.problems[0]


def test_files_that_hold_no_answers_are_named_and_cost_nothing_else(hub):
    hub.saved.listing("s.json", "SegmentsResponse", segment("s1"))
    hub.saved.write("empty.json", "")
    hub.saved.write("denied.json", "An error occurred (AccessDeniedException)\n")
    hub.saved.write("other.json", '{"hello": 1}')
    hub.saved.write("number.json", "7")
    hub.saved.write("deep.json", "[" * 100_000)
    hub.saved.write("binary.json", bytes(range(128, 256)))
    hub.saved.write("broken.gz", b"\x1f\x8b\x08\x00 no gzip")
    hub.saved.write(".DS_Store", b"\x00\x01")

    report = hub.run()

    assert list(by_name(hub.items("get_segments"))) == ["segment s1"]
    named = {text.split(".")[0].split(":")[0].split(" ")[0] for text in report.problems}
    assert named == {"empty", "denied", "other", "number", "deep", "binary", "broken"}


def test_members_that_the_api_does_not_know_are_left_out_and_counted(hub):
    hub.saved.answer("s.json", {"SegmentResponse": segment("s1", Colour="red")})
    hub.saved.export("a.gz", endpoint("e1", Shoe={"Size": 1}))

    report = hub.run()

    assert report.is_complete
    assert any("SegmentResponse.Colour" in text for text in report.warnings)
    assert any("Shoe" in text for text in report.warnings)


def test_numbers_that_are_strings_are_read_as_numbers(hub):
    version = {"Version": "1"}
    group = {"SourceSegments": [{"Id": "s1", **version}], "SourceType": "ALL", "Type": "ALL"}
    groups = {"Groups": [group], "Include": "ALL"}
    hub.saved.answer("s.json", segment("s2", SegmentGroups=groups, Dimensions={}, **version))
    hub.saved.answer("s1.json", segment("s1", **version))
    hub.saved.answer("c.json", campaign(SegmentVersion="1", HoldoutPercent="10", IsPaused="false"))
    hub.saved.answer("t.json", sms_template(3, "Three"))
    hub.saved.export("a.gz", endpoint("e1", Metrics={"age": "42"}, Attributes={"Plan": "gold"}))

    report = hub.run()

    assert report.is_complete, report
    assert hub.items("get_campaigns")[0]["HoldoutPercent"] == 10
    assert hub.endpoint("e1")["Metrics"] == {"age": 42.0}
    assert hub.endpoint("e1")["Attributes"] == {"Plan": ["gold"]}


def test_two_projects_in_a_folder_need_a_choice(hub):
    hub.saved.listing("a.json", "SegmentsResponse", segment("s1"))
    theirs = segment("s2", ApplicationId=OTHER)
    hub.saved.listing("b.json", "SegmentsResponse", theirs)
    hub.saved.export("b.gz", endpoint("theirs", ApplicationId=OTHER))

    with pytest.raises(UnclearProject, match="--old-project"):
        hub.run()
    report = hub.run("--old-project", OLD)

    assert list(by_name(hub.items("get_segments"))) == ["segment s1"]
    assert report.endpoints == {}


def test_endpoints_without_a_project_are_not_guessed_among_two_projects(hub):
    hub.saved.listing("a.json", "SegmentsResponse", segment("s1"))
    hub.saved.listing("b.json", "SegmentsResponse", segment("s2", ApplicationId=OTHER))
    nameless = endpoint("e1")
    del nameless["ApplicationId"]
    hub.saved.export("a.gz", nameless)

    with pytest.raises(UnclearProject, match="name no ApplicationId"):
        hub.run("--old-project", OLD)

    assert writes(hub) == []


def test_the_template_of_the_newest_change_counts_where_a_version_is_saved_twice(hub):
    hub.saved.answer("a.json", sms_template(1, "New", LastModifiedDate="2026-09-02T00:00:00Z"))
    hub.saved.answer("b.json", sms_template(1, "Old", LastModifiedDate="2026-09-01T00:00:00Z"))

    hub.run("--old-project", OLD)

    body = hub.client.get_sms_template(TemplateName="reminder")["SMSTemplateResponse"]["Body"]
    assert body == "New"


def test_a_template_that_is_only_listed_is_named(hub):
    hub.saved.listing("s.json", "SegmentsResponse", segment("s1"))
    hub.saved.answer("t.json", templates_listed(active=1, name="lost"))

    report = hub.run()

    assert any("SMS/lost is listed" in text for text in report.problems)


def test_the_map_and_the_report_say_old_and_new_ids_and_no_address(hub):
    hub.saved.project()
    hub.saved.export("a.gz", endpoint("e1"))
    hub.run()

    [folder] = [path for path in hub.work.iterdir() if path.is_dir()]
    found = json.loads((folder / "map.json").read_text())

    segments = by_name(hub.items("get_segments"))
    assert found["segment"] == {old: segments[f"segment {old}"]["Id"] for old in ("s1", "s2")}
    assert found["template-version"]["SMS/reminder@3"] == "3"
    assert "+1425555" not in (folder / "report.json").read_text()
    assert list(hub.work.glob("*.sqlite")) == []
