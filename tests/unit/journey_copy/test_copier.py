"""A journey is copied whole, once, and never onto a resource of another author."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from journey_copy.copier import TemplateOverwritten
from journey_copy.mapping import LEASE_SECONDS, AnotherCopyUnderWay, Copy
from journey_copy.outcome import Result
from journey_copy.substitutes import Substitutes
from shared.journeys import journey_references
from tests.builders.journey_copies import ELSEWHERE, FUNCTION, World, journey, world
from tests.builders.pinpoint_projects import PinpointHost, Refused


@pytest.fixture
def there() -> Iterator[World]:
    with world() as one:
        yield one


def only(items: dict[str, Any]) -> Any:
    (item,) = items.values()
    return item


# The whole journey arrives


def test_a_copy_refers_to_copies_of_its_segments_and_templates(there: World) -> None:
    outcome = there.copy(there.welcome())

    assert outcome.result is Result.CREATED, outcome
    copy = there.copied(outcome)
    segment = only(there.production.segments["to1"])[0]
    references = {reference.member: reference.value for reference in journey_references(copy)}
    assert references["StartCondition.SegmentStartCondition.SegmentId"] == segment["Id"]
    split = "Activities.split.ConditionalSplit.Condition.Conditions[0].SegmentCondition.SegmentId"
    assert references[split] == segment["Id"]
    assert segment["Dimensions"] == {"Attributes": {"stage": {"Values": ["new"]}}}
    greeting = there.production.templates["EMAIL", "greeting"]
    assert [template["HtmlPart"] for template in greeting] == ["<p>Hi</p>"]


def test_everything_else_of_the_journey_is_kept_and_it_arrives_as_a_draft(there: World) -> None:
    outcome = there.copy(there.welcome())

    copy, source = there.copied(outcome), journey("-")
    assert copy["State"] == "DRAFT"
    assert copy["Schedule"]["Timezone"] == "UTC+01"
    starts = datetime.fromisoformat(copy["Schedule"]["StartTime"])
    assert starts == datetime(2027, 3, 1, 9, tzinfo=UTC)
    for member in ("Name", "Limits", "QuietTime", "StartActivity", "LocalTime"):
        assert copy[member] == source[member]
    assert copy["Activities"]["wait"] == source["Activities"]["wait"]


def test_members_of_responses_do_not_reach_a_request(there: World) -> None:
    outcome = there.copy(there.welcome())  # the client refuses members that it does not know

    copy = there.copied(outcome)
    assert "tags" not in copy
    assert copy["ApplicationId"] == "to1" and copy["Id"] == outcome.target_id


def test_a_journey_without_a_schedule_or_a_start_is_copied(there: World) -> None:
    journey_id = there.staging.add_journey("from1", Name="sketch")

    assert there.copy(journey_id).result is Result.CREATED


def test_a_pinned_version_of_a_template_is_copied_and_named_by_its_version_in_the_target(
    there: World,
) -> None:
    outcome = there.copy(there.welcome())

    reminder = there.copied(outcome)["Activities"]["remind"]["SMS"]
    versions = there.production.templates["SMS", "reminder"]
    assert versions[int(reminder["TemplateVersion"]) - 1]["Body"] == "Two"


def test_an_unpinned_template_is_copied_at_its_active_version_and_stays_unpinned(
    there: World,
) -> None:
    journey_id = there.welcome()
    there.staging.add_template("EMAIL", "greeting", activate=False, Subject="Draft of a change")

    outcome = there.copy(journey_id)

    assert "TemplateVersion" not in there.copied(outcome)["Activities"]["greet"]["EMAIL"]
    subjects = [one["Subject"] for one in there.production.templates["EMAIL", "greeting"]]
    assert subjects == ["Hi"]


def test_a_push_template_is_copied_with_each_platform(there: World) -> None:
    content = {"Default": {"Title": "Hello", "Body": "Hi"}, "APNS": {"Body": "Hi", "Sound": "s"}}
    there.staging.add_template("PUSH", "nudge", **content)
    activity = {"PUSH": {"TemplateName": "nudge", "TemplateVersion": "1"}}
    journey_id = there.staging.add_journey("from1", Name="one", Activities={"a1": activity})

    outcome = there.copy(journey_id)

    assert there.copied(outcome)["Activities"] == {"a1": activity}
    (copied,) = there.production.templates["PUSH", "nudge"]
    assert {name: copied[name] for name in content} == content


def test_two_versions_of_one_template_in_one_journey_are_two_versions_of_the_copy(
    there: World,
) -> None:
    source = journey("-")["Activities"]
    third = {"SMS": {**source["remind"]["SMS"], "TemplateVersion": "3"}}
    journey_id = there.welcome()
    there.staging.journeys["from1"][journey_id]["Activities"]["again"] = third

    activities = there.copied(there.copy(journey_id))["Activities"]

    versions = there.production.templates["SMS", "reminder"]
    bodies = {
        name: versions[int(activities[name]["SMS"]["TemplateVersion"]) - 1]["Body"]
        for name in ("remind", "again")
    }
    assert bodies == {"remind": "Two", "again": "Three"}


def test_a_segment_is_copied_with_the_segments_that_it_is_built_on(there: World) -> None:
    base = there.staging.add_segment("from1", Name="buyers", Dimensions={})
    there.staging.change_segment("from1", base, Name="buyers", Dimensions={"Metrics": {}})
    built = there.staging.add_segment(
        "from1",
        Name="loyal",
        Dimensions={},
        SegmentGroups={
            "Include": "ALL",
            "Groups": [
                {"Type": "ALL", "SourceType": "ALL", "SourceSegments": [{"Id": base, "Version": 1}]}
            ],
        },
    )
    there.welcome()
    journey_id = there.staging.add_journey("from1", **journey(built, Name="loyalty"))

    outcome = there.copy(journey_id)

    copies = {one[-1]["Name"]: one[-1] for one in there.production.segments["to1"].values()}
    assert set(copies) == {"buyers (version 1)", "loyal"}
    group = copies["loyal"]["SegmentGroups"]["Groups"][0]
    assert group["SourceSegments"] == [{"Id": copies["buyers (version 1)"]["Id"]}]
    assert "Dimensions" not in copies["loyal"]
    start = there.copied(outcome)["StartCondition"]["SegmentStartCondition"]
    assert start["SegmentId"] == copies["loyal"]["Id"]


def test_a_copied_segment_has_the_tags_of_its_source_and_no_owner_of_another_module(
    there: World,
) -> None:
    there.copy(there.welcome())

    tags = only(there.production.segments["to1"])[0]["tags"]
    assert tags == {"team": "crm", "copied-from": f"from1/{there.segment_id}"}


def test_projects_of_one_host_share_their_templates(there: World) -> None:
    there.staging = there.production = PinpointHost("from1", "to1")
    before = there.welcome()
    templates = {key: len(versions) for key, versions in there.staging.templates.items()}

    outcome = there.copy(before)

    assert outcome.result is Result.CREATED
    after = {key: len(versions) for key, versions in there.staging.templates.items()}
    assert after == templates
    assert there.copied(outcome)["Activities"]["remind"]["SMS"]["TemplateVersion"] == "2"


# Once


def test_a_second_copy_changes_nothing(there: World) -> None:
    journey_id = there.welcome()
    first = there.copy(journey_id)
    before = there.production.state()
    there.production.calls.clear()

    second = there.copy(journey_id)

    assert (second.result, second.target_id) == (Result.UNCHANGED, first.target_id)
    assert there.production.state() == before
    assert [call for call in there.production.calls if not call.startswith("Get")] == []


def test_the_mapping_holds_the_copy_of_each_resource(there: World) -> None:
    journey_id = there.welcome()

    outcome = there.copy(journey_id)

    rows = there.rows()
    assert rows.pop(f"journey#{journey_id}") == outcome.target_id
    assert rows.pop(f"segment#{there.segment_id}") in there.production.segments["to1"]
    assert rows == {
        "template#EMAIL_TEMPLATE#greeting@1": "greeting",
        "template#SMS_TEMPLATE#reminder@2": "reminder",
    }


@pytest.mark.parametrize(
    "operation", ["CreateSegment", "CreateEmailTemplate", "CreateSmsTemplate", "CreateJourney"]
)
def test_a_lost_answer_does_not_lead_to_a_second_creation(there: World, operation: str) -> None:
    journey_id = there.welcome()
    there.production.loses_answer_of = [operation]
    with pytest.raises(ClientError):
        there.copy(journey_id)
    with pytest.raises(AnotherCopyUnderWay):  # the creation may still be under way
        there.copy(journey_id)
    there.now += LEASE_SECONDS

    outcome = there.copy(journey_id)

    assert outcome.target_id in there.production.journeys["to1"]
    assert len(there.production.journeys["to1"]) == 1
    assert len(there.production.segments["to1"]) == 1
    assert {key: len(v) for key, v in there.production.templates.items()} == {
        ("EMAIL", "greeting"): 1,
        ("SMS", "reminder"): 1,
    }


def test_a_refused_creation_is_tried_again_at_once(there: World) -> None:
    journey_id = there.welcome()
    there.production.refuses["CreateJourney"] = Refused(429, "TooManyRequestsException", "Slow")
    with pytest.raises(ClientError):
        there.copy(journey_id)

    assert there.copy(journey_id).result is Result.CREATED


def test_without_its_mapping_a_copy_is_found_again(there: World) -> None:
    journey_id = there.welcome()
    first = there.copy(journey_id)
    before = there.production.state()
    for item in there.dynamodb.scan(TableName="mapping")["Items"]:
        there.dynamodb.delete_item(
            TableName="mapping", Key={name: item[name] for name in ("pk", "sk")}
        )

    second = there.copy(journey_id)

    assert (second.result, second.target_id) == (Result.UNCHANGED, first.target_id)
    assert there.production.state() == before
    assert there.rows()[f"journey#{journey_id}"] == first.target_id


def test_a_copy_that_a_marketer_deleted_is_created_again(there: World) -> None:
    journey_id = there.welcome()
    first = there.copy(journey_id)
    there.production.journeys["to1"].clear()
    there.production.segments["to1"].clear()

    second = there.copy(journey_id)

    assert second.result is Result.CREATED and second.target_id != first.target_id
    start = there.copied(second)["StartCondition"]["SegmentStartCondition"]
    assert start["SegmentId"] in there.production.segments["to1"]


def test_two_journeys_that_share_a_segment_and_a_template_share_the_copies(there: World) -> None:
    first = there.welcome()
    second = there.staging.add_journey("from1", **journey(there.segment_id, Name="second"))

    there.copy(first)
    there.copy(second)

    assert len(there.production.journeys["to1"]) == 2
    assert len(there.production.segments["to1"]) == 1
    assert len(there.production.templates["EMAIL", "greeting"]) == 1


def test_a_template_that_another_attempt_creates_meanwhile_is_waited_for(there: World) -> None:
    journey_id = there.welcome()
    there.production.before["CreateEmailTemplate"] = lambda: there.production.add_template(
        "EMAIL", "greeting", Subject="Hi", HtmlPart="<p>Hi</p>"
    )

    with pytest.raises(AnotherCopyUnderWay):
        there.copy(journey_id)

    assert there.copy(journey_id).result is Result.CREATED
    assert len(there.production.templates["EMAIL", "greeting"]) == 1


def test_a_template_whose_versions_fill_several_pages_is_copied(there: World) -> None:
    for body in ("One", "Two", "Three"):  # a page has two
        there.production.add_template(
            "SMS", "reminder", tags={"copied-from": "0123456789abcdef/reminder"}, Body=f"{body}!"
        )

    reminder = there.copied(there.copy(there.welcome()))["Activities"]["remind"]["SMS"]

    versions = there.production.templates["SMS", "reminder"]
    assert [one["Body"] for one in versions] == ["One!", "Two!", "Three!", "Two"]
    assert reminder["TemplateVersion"] == "4"


def test_a_version_that_another_copy_adds_meanwhile_is_not_taken_for_the_own_one(
    there: World,
) -> None:
    journey_id = there.welcome()
    there.copy(journey_id)
    activities = there.staging.journeys["from1"][journey_id]["Activities"]
    activities["remind"]["SMS"]["TemplateVersion"] = "3"
    hooks = there.production.before

    def another_copy_adds_one() -> None:
        there.production.add_template("SMS", "reminder", activate=False, Body="One")

    # After the own version is added, and before its number is looked up.
    hooks["UpdateSmsTemplate"] = lambda: hooks.update(ListTemplateVersions=another_copy_adds_one)

    reminder = there.copied(there.copy(journey_id))["Activities"]["remind"]["SMS"]

    versions = there.production.templates["SMS", "reminder"]
    assert [one["Body"] for one in versions] == ["Two", "Three", "One"]
    assert reminder["TemplateVersion"] == "2"


def test_a_version_that_another_author_overwrites_meanwhile_is_no_copy(there: World) -> None:
    journey_id = there.welcome()
    there.copy(journey_id)
    activities = there.staging.journeys["from1"][journey_id]["Activities"]
    activities["remind"]["SMS"]["TemplateVersion"] = "3"
    hooks, versions = there.production.before, there.production.templates["SMS", "reminder"]
    hooks["UpdateSmsTemplate"] = lambda: hooks.update(
        ListTemplateVersions=lambda: versions[-1].update(Body="Theirs")
    )

    with pytest.raises(TemplateOverwritten, match="reminder"):
        there.copy(journey_id)


# The source changes


def test_a_changed_journey_updates_its_draft(there: World) -> None:
    journey_id = there.welcome()
    first = there.copy(journey_id)
    changed = there.staging.journeys["from1"][journey_id]["Activities"]
    changed["wait"]["Wait"]["WaitTime"] = {"WaitFor": "PT48H"}

    second = there.copy(journey_id)

    assert (second.result, second.target_id) == (Result.UPDATED, first.target_id)
    copy = there.copied(second)
    assert copy["Activities"]["wait"]["Wait"]["WaitTime"] == {"WaitFor": "PT48H"}
    assert copy["State"] == "DRAFT"


def test_a_member_that_the_source_gave_up_leaves_the_copy(there: World) -> None:
    journey_id = there.welcome(RefreshFrequency="P1D", WaitForQuietTime=True)
    there.copy(journey_id)
    source = there.staging.journeys["from1"][journey_id]
    for member in ("QuietTime", "RefreshFrequency", "WaitForQuietTime"):
        del source[member]

    second = there.copy(journey_id)

    copy = there.copied(second)
    assert "QuietTime" not in copy and "RefreshFrequency" not in copy
    assert copy["WaitForQuietTime"] is False
    assert there.copy(journey_id).result is Result.UNCHANGED


def test_a_changed_segment_and_template_become_new_versions_of_their_copies(there: World) -> None:
    journey_id = there.welcome()
    there.copy(journey_id)
    there.staging.change_segment("from1", there.segment_id, Name="newest customers")
    there.staging.add_template("EMAIL", "greeting", Subject="Hello", HtmlPart="<p>Hello</p>")

    there.copy(journey_id)

    versions = only(there.production.segments["to1"])
    assert [version["Name"] for version in versions] == ["new customers", "newest customers"]
    greeting = there.production.templates["EMAIL", "greeting"]
    assert [template["Subject"] for template in greeting] == ["Hi", "Hello"]
    assert there.production.active["EMAIL", "greeting"] == "2"


def test_a_published_copy_of_a_changed_journey_is_reported_and_nothing_is_changed(
    there: World,
) -> None:
    journey_id = there.welcome()
    first = there.copy(journey_id)
    there.copied(first)["State"] = "ACTIVE"
    there.staging.change_segment("from1", there.segment_id, Name="newest customers")
    before = there.production.state()

    second = there.copy(journey_id)

    assert second.result is Result.BLOCKED
    assert "is ACTIVE and differs" in second.problems[0]
    assert there.production.state() == before


def test_a_version_that_becomes_active_again_is_reported_as_an_update(there: World) -> None:
    journey_id = there.welcome()
    there.copy(journey_id)
    there.staging.add_template("EMAIL", "greeting", Subject="Hello", HtmlPart="<p>Hello</p>")
    there.copy(journey_id)
    there.staging.active["EMAIL", "greeting"] = "1"

    planned = there.copy(journey_id, dry_run=True)
    outcome = there.copy(journey_id)

    for steps in (planned.steps, outcome.steps):
        (email,) = (step for step in steps if step.kind == "EMAIL_TEMPLATE")
        assert (email.action, email.version) == ("UPDATE", "1")
    assert there.production.active["EMAIL", "greeting"] == "1"


def test_a_published_copy_whose_template_has_another_active_version_is_reported(
    there: World,
) -> None:
    journey_id = there.welcome()
    there.copy(journey_id)
    there.staging.add_template("EMAIL", "greeting", Subject="Hello", HtmlPart="<p>Hello</p>")
    there.copied(there.copy(journey_id))["State"] = "ACTIVE"
    there.staging.active["EMAIL", "greeting"] = "1"

    assert there.copy(journey_id).result is Result.BLOCKED
    assert there.production.active["EMAIL", "greeting"] == "2"


def test_a_published_copy_of_the_same_journey_is_left_alone(there: World) -> None:
    journey_id = there.welcome()
    first = there.copy(journey_id)
    there.copied(first)["State"] = "ACTIVE"

    assert there.copy(journey_id).result is Result.UNCHANGED


# Names that are taken


def test_a_journey_of_another_author_with_the_name_is_left_alone(there: World) -> None:
    theirs = there.production.add_journey("to1", Name="welcome", StartActivity="other")
    journey_id = there.welcome()

    outcome = there.copy(journey_id)

    assert outcome.target_name == f"welcome-{journey_id[:8]}"
    assert there.production.journeys["to1"][theirs]["StartActivity"] == "other"


def test_two_journeys_of_one_name_become_two_copies_with_two_names(there: World) -> None:
    first = there.welcome()
    second = there.staging.add_journey("from1", **journey(there.segment_id))

    names = [there.copy(one).target_name for one in (first, second)]

    assert names == ["welcome", f"welcome-{second[:8]}"]
    assert len(there.production.journeys["to1"]) == 2


def test_a_journey_whose_names_are_all_taken_is_reported(there: World) -> None:
    journey_id = there.welcome()
    for name in ("welcome", f"welcome-{journey_id[:8]}"):
        there.production.add_journey("to1", Name=name, StartActivity="other")

    outcome = there.copy(journey_id)

    assert outcome.result is Result.BLOCKED
    assert "Rename one of them" in outcome.problems[0]


def test_a_template_of_another_author_with_the_name_is_left_alone(there: World) -> None:
    there.production.add_template("EMAIL", "greeting", Subject="Theirs")

    outcome = there.copy(there.welcome())

    assert there.copied(outcome)["Activities"]["greet"]["EMAIL"]["TemplateName"] == (
        "greeting-01234567"
    )
    assert [t["Subject"] for t in there.production.templates["EMAIL", "greeting"]] == ["Theirs"]


def test_a_template_of_another_author_with_the_same_content_is_used(there: World) -> None:
    there.production.add_template("EMAIL", "greeting", Subject="Hi", HtmlPart="<p>Hi</p>")

    outcome = there.copy(there.welcome())

    assert there.copied(outcome)["Activities"]["greet"]["EMAIL"]["TemplateName"] == "greeting"
    assert len(there.production.templates["EMAIL", "greeting"]) == 1


def test_a_template_of_another_author_with_the_same_content_gets_no_version(there: World) -> None:
    there.production.add_template("EMAIL", "greeting", Subject="Hi", HtmlPart="<p>Hi</p>")
    there.production.add_template("EMAIL", "greeting", activate=False, Subject="Their next one")

    there.copy(there.welcome())

    assert len(there.production.templates["EMAIL", "greeting"]) == 2
    assert there.production.active["EMAIL", "greeting"] == "1"


# Substitutes


def test_a_substitute_takes_the_place_of_each_reference(there: World) -> None:
    live = there.production.add_segment("to1", Name="live", Dimensions={})
    for _ in range(7):
        there.production.add_template("EMAIL", "hello", Subject="Hello")
    there.production.add_template("SMS", "nudge", Body="Hello")
    there.substitutes = Substitutes.from_json(
        {
            "from_addresses": {"a": {"from": "shop@example.com", "to": "live@example.com"}},
            "templates": {
                "mail": {"type": "EMAIL", "from": "greeting", "to": "hello", "version": "7"},
                "text": {"type": "SMS", "from": "reminder", "to": "nudge", "version": None},
            },
        }
    )
    journey_id = there.welcome()
    segments = {"a": {"from": there.segment_id, "to": live}}
    there.substitutes = Substitutes(
        {
            **there.substitutes.replacements,
            **Substitutes.from_json({"segments": segments}).replacements,
        }
    )

    before = [one.copy() for one in (there.production.segments["to1"], there.production.templates)]

    outcome = there.copy(journey_id)

    activities = there.copied(outcome)["Activities"]
    mail, text = activities["greet"]["EMAIL"], activities["remind"]["SMS"]
    assert (mail["TemplateName"], mail["TemplateVersion"]) == ("hello", "7")
    assert text["TemplateName"] == "nudge" and "TemplateVersion" not in text
    assert mail["MessageConfig"] == {"FromAddress": "live@example.com"}
    start = there.copied(outcome)["StartCondition"]["SegmentStartCondition"]
    assert start == {"SegmentId": live}
    assert [there.production.segments["to1"], there.production.templates] == before


def test_a_substitute_of_null_leaves_the_member_out(there: World) -> None:
    there.substitutes = Substitutes.from_json(
        {"from_addresses": {"a": {"from": "shop@example.com", "to": None}}}
    )

    outcome = there.copy(there.welcome())

    assert there.copied(outcome)["Activities"]["greet"]["EMAIL"]["MessageConfig"] == {}


def test_a_segment_built_on_a_substituted_segment_is_built_on_the_substitute(
    there: World,
) -> None:
    imported = there.staging.add_segment("from1", Name="list", SegmentType="IMPORT")
    group = {"SourceType": "ALL", "Type": "ALL", "SourceSegments": [{"Id": imported, "Version": 1}]}
    built = there.staging.add_segment(
        "from1", Name="built", SegmentGroups={"Include": "ALL", "Groups": [group]}
    )
    there.welcome()
    journey_id = there.staging.add_journey("from1", **journey(built))
    live = there.production.add_segment("to1", Name="list", SegmentType="IMPORT")
    there.substitutes = Substitutes.from_json(
        {"segments": {"list": {"from": imported, "to": live}}}
    )

    assert there.copy(journey_id).result is Result.CREATED

    del there.production.segments["to1"][live]
    copied = only(there.production.segments["to1"])[0]["SegmentGroups"]["Groups"][0]
    assert copied["SourceSegments"] == [{"Id": live}]


# A journey that cannot be copied whole


def blocked(there: World, journey_id: str) -> list[str]:
    before = there.production.state()
    outcome = there.copy(journey_id)
    assert outcome.result is Result.BLOCKED, outcome
    assert there.production.state() == before, "nothing may be left behind"
    return outcome.problems


@pytest.mark.parametrize("dry_run", [True, False])
def test_substitutes_that_the_target_does_not_have_are_all_named_before_a_write(
    there: World, dry_run: bool
) -> None:
    base = there.staging.add_segment("from1", Name="list", SegmentType="IMPORT")
    group = {"SourceType": "ALL", "Type": "ALL", "SourceSegments": [{"Id": base}]}
    built = there.staging.add_segment("from1", SegmentGroups={"Groups": [group]})
    journey_id = there.welcome()
    source = there.staging.journeys["from1"][journey_id]
    source["StartCondition"]["SegmentStartCondition"]["SegmentId"] = built
    there.production.add_template("EMAIL", "hello", Subject="Hello")
    templates = {"mail": {"type": "EMAIL", "from": "greeting", "to": "hello", "version": "2"}}
    segments = {
        "list": {"from": base, "to": "typo1"},
        "new": {"from": there.segment_id, "to": "typo2"},
    }
    there.substitutes = Substitutes.from_json({"segments": segments, "templates": templates})
    before = there.production.state()

    outcome = there.copy(journey_id, dry_run=dry_run)

    assert outcome.result is Result.BLOCKED
    assert [problem.split(": ")[1] for problem in outcome.problems] == [
        "the target has no segment typo1. Correct substitutes.segments.",
        "the target has no template hello, version 2. Correct substitutes.templates.",
        "the target has no segment typo2. Correct substitutes.segments.",
    ]
    assert there.production.state() == before


def test_an_imported_segment_cannot_be_copied_and_the_way_out_is_named(there: World) -> None:
    imported = there.staging.add_segment("from1", Name="list", SegmentType="IMPORT")
    there.welcome()

    problems = blocked(there, there.staging.add_journey("from1", **journey(imported)))

    assert len(problems) == 2  # the start, and the split
    assert "is imported" in problems[0] and "substitutes.segments" in problems[0]


def test_every_problem_of_a_journey_is_named_at_once(there: World) -> None:
    journey_id = there.welcome()
    activities = there.staging.journeys["from1"][journey_id]["Activities"]
    activities["greet"]["EMAIL"]["TemplateName"] = "no-such"
    activities["remind"]["SMS"]["TemplateVersion"] = "9"
    there.staging.segments["from1"].clear()

    problems = blocked(there, journey_id)

    assert [problem.split(":")[0] for problem in problems] == [
        "StartCondition.SegmentStartCondition.SegmentId",
        "Activities.greet.EMAIL.TemplateName",
        "Activities.split.ConditionalSplit.Condition.Conditions[0].SegmentCondition.SegmentId",
        "Activities.remind.SMS.TemplateName",
    ]
    assert "no template reminder, version 9" in problems[3]


def test_a_template_with_a_recommender_needs_a_substitute(there: World) -> None:
    journey_id = there.welcome()
    there.staging.templates["EMAIL", "greeting"][0]["RecommenderId"] = "r1"

    assert "recommender" in blocked(there, journey_id)[0]


def test_segments_that_refer_to_each_other_do_not_keep_the_copy_busy(there: World) -> None:
    there.welcome()
    first = there.staging.add_segment("from1", Name="first", Dimensions={})

    def built_on(segment_id: str) -> dict[str, Any]:
        return {"Include": "ALL", "Groups": [{"SourceSegments": [{"Id": segment_id}]}]}

    second = there.staging.add_segment("from1", Name="second", SegmentGroups=built_on(first))
    there.staging.change_segment("from1", first, SegmentGroups=built_on(second))

    problems = blocked(there, there.staging.add_journey("from1", **journey(first)))

    assert "refer to each other" in problems[0]


@pytest.mark.parametrize(
    ("activity", "member", "substitute"),
    [
        ({"CUSTOM": {"DeliveryUri": FUNCTION}}, "CUSTOM.DeliveryUri", "delivery_uris"),
        (
            {"SMS": {"MessageConfig": {"OriginationNumber": "+12065550100"}}},
            "SMS.MessageConfig.OriginationNumber",
            "origination_numbers",
        ),
    ],
)
def test_a_resource_of_another_account_or_region_needs_a_substitute(
    there: World, activity: Any, member: str, substitute: str
) -> None:
    there.target_place = ELSEWHERE
    journey_id = there.staging.add_journey("from1", Name="one", Activities={"a1": activity})

    (problem,) = blocked(there, journey_id)

    assert problem.startswith(f"Activities.a1.{member}:")
    assert f"substitutes.{substitute}" in problem
    assert "+1206" not in problem


def test_a_connect_campaign_of_another_account_needs_a_substitute_for_it_and_its_role(
    there: World,
) -> None:
    there.target_place = ELSEWHERE
    settings = {
        "ConnectCampaignArn": "arn:aws:connect-campaigns:eu-west-1:111122223333:campaign/c1",
        "ConnectCampaignExecutionRoleArn": "arn:aws:iam::111122223333:role/dialer",
    }
    journey_id = there.staging.add_journey("from1", Name="one", JourneyChannelSettings=settings)

    problems = blocked(there, journey_id)

    assert ["connect_campaigns" in problems[0], "connect_roles" in problems[1]] == [True, True]


def test_resources_of_the_same_account_and_region_are_kept(there: World) -> None:
    activities = {
        "a1": {"CUSTOM": {"DeliveryUri": FUNCTION, "EndpointTypes": ["CUSTOM"]}},
        "a2": {"SMS": {"MessageConfig": {"OriginationNumber": "+12065550100"}}},
    }
    journey_id = there.staging.add_journey("from1", Name="one", Activities=activities)

    outcome = there.copy(journey_id)

    assert (outcome.result, outcome.warnings) == (Result.CREATED, [])
    assert there.copied(outcome)["Activities"] == activities


def test_an_address_that_is_kept_for_another_account_is_a_warning_without_the_address(
    there: World,
) -> None:
    there.target_place = ELSEWHERE

    outcome = there.copy(there.welcome())

    assert outcome.result is Result.CREATED
    assert outcome.warnings[0].startswith("Activities.greet.EMAIL.MessageConfig.FromAddress:")
    assert "shop@example.com" not in str(outcome.to_json())


def test_a_custom_template_of_another_host_needs_a_substitute(there: World) -> None:
    activity = {"CUSTOM": {"DeliveryUri": FUNCTION, "TemplateName": "letter"}}
    journey_id = there.staging.add_journey("from1", Name="one", Activities={"a1": activity})

    assert "type CUSTOM" in blocked(there, journey_id)[0]


def test_a_journey_that_is_not_there_fails_by_its_id(there: World) -> None:
    outcome = there.copy("nowhere")

    assert outcome.result is Result.FAILED
    assert outcome.problems == ["The source project from1 has no journey nowhere."]


# Dry run


def test_a_dry_run_lists_what_would_be_created_and_writes_nothing(there: World) -> None:
    journey_id = there.welcome()
    before = there.production.state()

    outcome = there.copy(journey_id, dry_run=True)

    assert outcome.result is Result.WOULD_BE_CREATED
    assert [(step.action, step.kind, step.source) for step in outcome.steps] == [
        ("CREATE", "SEGMENT", there.segment_id),
        ("CREATE", "EMAIL_TEMPLATE", "greeting@1"),
        ("CREATE", "SMS_TEMPLATE", "reminder@2"),
    ]
    assert there.production.state() == before
    assert there.dynamodb.scan(TableName="mapping")["Count"] == 0


def test_a_dry_run_after_a_copy_says_that_nothing_would_change(there: World) -> None:
    journey_id = there.welcome()
    there.copy(journey_id)

    outcome = there.copy(journey_id, dry_run=True)

    assert outcome.result is Result.UNCHANGED
    assert {step.action for step in outcome.steps} == {"REUSE"}


def test_a_dry_run_of_a_changed_journey_says_that_it_would_be_updated(there: World) -> None:
    journey_id = there.welcome()
    there.copy(journey_id)
    there.staging.journeys["from1"][journey_id]["Limits"] = {"DailyCap": 5}
    before = there.production.state()

    assert there.copy(journey_id, dry_run=True).result is Result.WOULD_BE_UPDATED
    assert there.production.state() == before


def test_a_claim_is_given_up_by_its_holder_only(there: World) -> None:
    mapping = there.mapping
    claim = mapping.claim("segment#1", mapping.look("segment#1"))
    there.now += LEASE_SECONDS
    taken = mapping.claim("segment#1", mapping.look("segment#1"))

    mapping.release("segment#1", claim)

    with pytest.raises(AnotherCopyUnderWay):
        mapping.look("segment#1")
    mapping.release("segment#1", taken)
    assert mapping.look("segment#1").claimed_by is None


def test_of_two_attempts_that_saw_the_same_item_one_gets_the_claim(there: World) -> None:
    mapping = there.mapping
    seen = mapping.look("journey#1")
    mapping.claim("journey#1", seen)

    with pytest.raises(AnotherCopyUnderWay):
        mapping.claim("journey#1", seen)

    mapping.remember("journey#1", Copy("t1"))
    gone = mapping.look("journey#1")
    mapping.claim("journey#1", gone)
    with pytest.raises(AnotherCopyUnderWay):
        mapping.claim("journey#1", gone)
    mapping.remember("journey#1", Copy("t1"))
    assert dict(mapping.copies("journey#")) == {"journey#1": Copy("t1")}
