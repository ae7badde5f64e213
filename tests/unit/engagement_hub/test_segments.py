"""Which endpoints belong to a segment."""

from datetime import UTC, datetime

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from engagement_hub.engagement.errors import BadRequest, NotFound
from engagement_hub.engagement.segments import (
    compile_segment,
    dimension_count,
    in_audience,
    kilometers_between,
    resolved_sources,
    source_segments,
    validate_segment,
)
from tests.builders.engagement import an_endpoint

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


def no_sources(segment_id, version):
    raise AssertionError(f"segment {segment_id} was asked for")


def matches(dimensions, endpoint):
    request = {"Dimensions": dimensions}
    validate_segment(request)
    return compile_segment(request, now=NOW, sources=no_sources)(endpoint)


def attribute(how, *values, member="Attributes"):
    return {member: {"A": {"AttributeType": how, "Values": list(values)}}}


def with_values(*values, member="Attributes"):
    if member == "UserAttributes":
        return an_endpoint(User={"UserId": "ann", "UserAttributes": {"A": list(values)}})
    return an_endpoint(Attributes={"A": list(values)})


# Attributes


@pytest.mark.parametrize("member", ["Attributes", "UserAttributes"])
@pytest.mark.parametrize(
    ("how", "listed", "values", "expected"),
    [
        ("INCLUSIVE", ["red", "blue"], ["blue", "green"], True),
        ("INCLUSIVE", ["red"], ["Red"], False),
        ("INCLUSIVE", ["red"], ["reddish"], False),
        ("INCLUSIVE", ["red"], [], False),
        ("EXCLUSIVE", ["red"], ["blue"], True),
        ("EXCLUSIVE", ["red"], ["blue", "red"], False),
        ("EXCLUSIVE", ["red"], [], True),
        ("CONTAINS", ["ed"], ["reddish"], True),
        ("CONTAINS", ["x", "dish"], ["blue", "reddish"], True),
        ("CONTAINS", ["ED"], ["reddish"], False),
        ("CONTAINS", ["ed"], [], False),
        ("BEFORE", ["2026-02-01"], ["2026-01-31T23:59:59Z"], True),
        ("BEFORE", ["2026-02-01"], ["2026-02-01T00:00:00Z"], False),
        ("BEFORE", ["2026-02-01", "2026-03-01"], ["2026-02-15"], True),
        ("BEFORE", ["2026-02-01"], ["2026-02-01T00:30:00+01:00"], True),
        ("BEFORE", ["2026-02-01"], ["soon"], False),
        ("BEFORE", ["2026-02-01"], [], False),
        ("AFTER", ["2026-02-01"], ["2026-02-01T00:00:01Z"], True),
        ("AFTER", ["2026-02-01"], ["2026-02-01"], False),
        ("AFTER", ["2026-02-01", "2026-03-01"], ["2026-02-15"], True),
        ("AFTER", ["2026-02-01"], ["soon", "2026-02-02"], True),
        ("ON", ["2026-02-01"], ["2026-02-01T23:59:59.999Z"], True),
        ("ON", ["2026-02-01T15:00:00Z"], ["2026-02-01T01:00:00Z"], True),
        ("ON", ["2026-02-01"], ["2026-02-01T23:30:00-05:00"], False),
        ("ON", ["2026-02-01", "2026-02-02"], ["2026-02-02"], True),
        ("BETWEEN", ["2026-02-01", "2026-03-01"], ["2026-02-01"], True),
        ("BETWEEN", ["2026-02-01", "2026-03-01"], ["2026-03-01"], True),
        ("BETWEEN", ["2026-02-01", "2026-03-01"], ["2026-03-01T00:00:01Z"], False),
        ("BETWEEN", ["2026-02-01", "2026-03-01"], ["2026-01-01", "2026-02-05"], True),
        ("BEFORE", ["2026-02-01"], ["9999-12-31T23:59:59-23:59"], False),
    ],
)
def test_an_attribute_is_tested_on_any_of_its_values(member, how, listed, values, expected):
    dimensions = attribute(how, *listed, member=member)

    assert matches(dimensions, with_values(*values, member=member)) is expected


@pytest.mark.parametrize("member", ["Attributes", "UserAttributes"])
def test_an_endpoint_without_the_attribute_passes_exclusive_and_nothing_else(member):
    bare = an_endpoint()

    assert matches(attribute("EXCLUSIVE", "red", member=member), bare)
    for how in ("INCLUSIVE", "CONTAINS"):
        assert not matches(attribute(how, "red", member=member), bare)
    for how in ("BEFORE", "AFTER", "ON"):
        assert not matches(attribute(how, "2026-01-01", member=member), bare)


def test_an_attribute_is_inclusive_when_it_does_not_say():
    assert matches({"Attributes": {"A": {"Values": ["red"]}}}, with_values("red"))


# Metrics, demographics, places, recency


@pytest.mark.parametrize(
    ("how", "below", "equal", "above"),
    [
        ("GREATER_THAN", False, False, True),
        ("GREATER_THAN_OR_EQUAL", False, True, True),
        ("EQUAL", False, True, False),
        ("LESS_THAN_OR_EQUAL", True, True, False),
        ("LESS_THAN", True, False, False),
    ],
)
def test_a_metric_is_compared_with_the_value(how, below, equal, above):
    dimensions = {"Metrics": {"M": {"ComparisonOperator": how, "Value": 2.5}}}

    found = [matches(dimensions, an_endpoint(Metrics={"M": value})) for value in (2, 2.5, 3)]

    assert found == [below, equal, above]
    assert not matches(dimensions, an_endpoint())


@pytest.mark.parametrize("name", ["AppVersion", "Make", "Model", "Platform"])
def test_a_device_property_is_in_the_set_or_not(name):
    included = {"Demographic": {name: {"DimensionType": "INCLUSIVE", "Values": ["x", "y"]}}}
    excluded = {"Demographic": {name: {"DimensionType": "EXCLUSIVE", "Values": ["x", "y"]}}}

    inside, outside = an_endpoint(Demographic={name: "y"}), an_endpoint(Demographic={name: "z"})

    assert [matches(included, one) for one in (inside, outside, an_endpoint())] == [1, 0, 0]
    assert [matches(excluded, one) for one in (inside, outside, an_endpoint())] == [0, 1, 1]


def test_the_channel_is_a_demographic():
    sms_or_voice = {"Demographic": {"Channel": {"Values": ["SMS", "VOICE"]}}}
    no_sms = {"Demographic": {"Channel": {"DimensionType": "EXCLUSIVE", "Values": ["SMS"]}}}

    assert matches(sms_or_voice, an_endpoint())
    assert not matches(sms_or_voice, an_endpoint(ChannelType="EMAIL"))
    assert not matches(no_sms, an_endpoint())


def test_the_device_type_is_read_from_the_custom_attribute_of_that_name():
    phones = {"Demographic": {"DeviceType": {"Values": ["phone"]}}}

    assert matches(phones, an_endpoint(Attributes={"DeviceType": ["phone"]}))
    assert not matches(phones, an_endpoint())


def test_a_country_is_compared_as_it_is_written():
    us = {"Location": {"Country": {"Values": ["US", "USA"]}}}

    assert matches(us, an_endpoint(Location={"Country": "USA"}))
    assert not matches(us, an_endpoint(Location={"Country": "us"}))
    assert not matches(us, an_endpoint())


def near(latitude, longitude, kilometers):
    point = {
        "Coordinates": {"Latitude": latitude, "Longitude": longitude},
        "RangeInKilometers": kilometers,
    }
    return {"Location": {"GPSPoint": point}}


@pytest.mark.parametrize(
    ("here", "there", "kilometers"),
    [
        ((47.6, -122.3), (37.8, -122.4), 1090),  # Seattle, San Francisco
        ((51.5, -0.1), (40.7, -74.0), 5570),  # London, New York
        ((0.0, 179.9), (0.0, -179.9), 22.2),  # across the date line
        ((90.0, 0.0), (-90.0, 0.0), 20015),  # pole to pole
    ],
)
def test_distance_is_along_the_great_circle(here, there, kilometers):
    assert kilometers_between(here, there) == pytest.approx(kilometers, rel=0.01)

    endpoint = an_endpoint(Location={"Latitude": there[0], "Longitude": there[1]})
    assert matches(near(*here, kilometers * 1.02), endpoint)
    assert not matches(near(*here, kilometers * 0.98), endpoint)


@pytest.mark.parametrize("location", [{}, {"Latitude": 47.6}, {"Longitude": -122.3}])
def test_an_endpoint_without_coordinates_is_not_near(location):
    assert not matches(near(47.6, -122.3, 20_100), an_endpoint(Location=location))


@pytest.mark.parametrize(
    ("duration", "just_inside", "just_outside"),
    [
        ("HR_24", "2026-10-31T12:00:00.000Z", "2026-10-31T11:59:59.999Z"),
        ("DAY_7", "2026-10-25T12:00:00.000Z", "2026-10-25T11:59:59.999Z"),
        ("DAY_14", "2026-10-18T12:00:00.000Z", "2026-10-18T11:59:59.999Z"),
        ("DAY_30", "2026-10-02T12:00:00.000Z", "2026-10-02T11:59:59.999Z"),
    ],
)
def test_recency_looks_back_from_now_at_the_effective_date(duration, just_inside, just_outside):
    active = {"Behavior": {"Recency": {"Duration": duration, "RecencyType": "ACTIVE"}}}
    inactive = {"Behavior": {"Recency": {"Duration": duration, "RecencyType": "INACTIVE"}}}
    inside = an_endpoint(EffectiveDate=just_inside)
    outside = an_endpoint(EffectiveDate=just_outside)

    assert [matches(active, one) for one in (inside, outside)] == [True, False]
    assert [matches(inactive, one) for one in (inside, outside)] == [False, True]


def test_all_criteria_of_one_dimension_set_must_hold():
    dimensions = {
        **attribute("INCLUSIVE", "red"),
        "Demographic": {"Channel": {"Values": ["SMS"]}, "Make": {"Values": ["LG"]}},
        "Metrics": {"M": {"ComparisonOperator": "LESS_THAN", "Value": 5}},
    }
    whole = {
        "Attributes": {"A": ["red"]},
        "Demographic": {"Make": "LG"},
        "Metrics": {"M": 1},
    }

    assert matches(dimensions, an_endpoint(**whole))
    for member in whole:
        assert not matches(dimensions, an_endpoint(**{**whole, member: {}}))


def test_no_criteria_mean_everyone():
    assert matches({}, an_endpoint(ChannelType="EMAIL"))


# Groups

RED, BLUE = attribute("INCLUSIVE", "red"), attribute("INCLUSIVE", "blue")


def compiled(*groups, include=None, sources=no_sources):
    request = {"SegmentGroups": {"Groups": list(groups), "Include": include}}
    validate_segment(request)
    return compile_segment(request, now=NOW, sources=sources)


def found(test):
    """Whether it matches: neither colour, red, blue, both."""
    return [test(with_values(*values)) for values in ([], ["red"], ["blue"], ["red", "blue"])]


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        (None, [False, False, False, True]),
        ("ALL", [False, False, False, True]),
        ("ANY", [False, True, True, True]),
        ("NONE", [True, False, False, False]),
    ],
)
def test_type_combines_dimensions_include_groups_and_source_type_sources(how, expected):
    by_type = compiled({"Type": how, "Dimensions": [RED, BLUE]})
    by_include = compiled({"Dimensions": [RED]}, {"Dimensions": [BLUE]}, include=how)
    by_source = compiled(
        {"SourceType": how, "SourceSegments": [{"Id": "red"}, {"Id": "blue"}]},
        sources=lambda name, version: lambda one: name in one["Attributes"]["A"],
    )

    assert found(by_type) == found(by_include) == found(by_source) == expected


def test_a_group_is_the_intersection_of_its_dimensions_and_its_sources():
    test = compiled(
        {"Dimensions": [RED], "SourceSegments": [{"Id": "s"}]},
        sources=lambda name, version: lambda one: "blue" in one["Attributes"]["A"],
    )

    assert found(test) == [False, False, False, True]


def test_sources_are_resolved_once_by_id_and_version():
    asked = []

    def sources(segment_id, version):
        asked.append((segment_id, version))
        return lambda endpoint: True

    test = compiled({"SourceSegments": [{"Id": "a", "Version": 3}, {"Id": "b"}]}, sources=sources)
    found(test)

    assert asked == [("a", 3), ("b", None)]


def test_an_error_of_a_missing_source_comes_through():
    def gone(segment_id, version):
        raise NotFound(f"Segment {segment_id} is gone.")

    with pytest.raises(NotFound, match="Segment a is gone"):
        compiled({"SourceSegments": [{"Id": "a"}]}, sources=gone)


def test_what_a_segment_builds_on_and_how_many_criteria_it_has_can_be_asked():
    metric = {"Metrics": {"M": {"ComparisonOperator": "EQUAL", "Value": 1}}}
    groups = [
        {"SourceSegments": [{"Id": "a", "Version": 2}, {"Id": "b"}]},
        {"Dimensions": [RED, {**BLUE, **metric}]},
    ]
    request = {"SegmentGroups": {"Groups": groups}}

    assert source_segments(request) == [("a", 2), ("b", None)]
    assert dimension_count(request) == 3
    assert source_segments({"Dimensions": RED}) == []


def test_an_imported_segment_has_no_criteria_to_compile():
    with pytest.raises(BadRequest, match="list of members"):
        compile_segment({"SegmentType": "IMPORT", "Id": "s"}, now=NOW, sources=no_sources)


def test_the_audience_leaves_out_inactive_and_opted_out_endpoints():
    belongs = in_audience(compile_segment({"Dimensions": {}}, now=NOW, sources=no_sources))

    assert belongs(an_endpoint())
    assert not belongs(an_endpoint(OptOut="ALL"))
    assert not belongs(an_endpoint(EndpointStatus="INACTIVE"))


# Refusals


@pytest.mark.parametrize(
    ("request_body", "message"),
    [
        ({}, "Dimensions or SegmentGroups must be given"),
        ({"Name": " ", "Dimensions": {}}, "Name must be text"),
        ({"Dimensions": RED, "SegmentGroups": {"Groups": [{}]}}, "exclude each other"),
        ({"Dimensions": []}, "Dimensions must be a JSON object"),
        ({"Dimensions": {"Attribute": {}}}, r"Dimensions\.Attribute is not known"),
        ({"Dimensions": attribute("LIKE", "x")}, r"Dimensions\.Attributes\.A\.AttributeType must"),
        ({"Dimensions": attribute("INCLUSIVE")}, r"Dimensions\.Attributes\.A\.Values must be a li"),
        ({"Dimensions": attribute("BEFORE", "soon")}, r"Attributes\.A\.Values must be ISO 8601"),
        ({"Dimensions": attribute("BETWEEN", "2026-01-01")}, "two instants for BETWEEN"),
        ({"Dimensions": attribute("BETWEEN", "2026-02-01", "2026-01-01")}, "the earlier one first"),
        (
            {"Dimensions": {"Metrics": {"M": {"ComparisonOperator": "NEAR", "Value": 1}}}},
            r"Dimensions\.Metrics\.M\.ComparisonOperator must be one of GREATER_THAN",
        ),
        (
            {"Dimensions": {"Metrics": {"M": {"ComparisonOperator": "EQUAL"}}}},
            r"Dimensions\.Metrics\.M\.Value must be a number",
        ),
        (
            {"Dimensions": {"Demographic": {"Channel": {"Values": ["FAX"]}}}},
            r"Dimensions\.Demographic\.Channel\.Values must be channels",
        ),
        (
            {"Dimensions": {"Demographic": {"Make": {"DimensionType": "ANY", "Values": ["x"]}}}},
            r"Dimensions\.Demographic\.Make\.DimensionType must be one of INCLUSIVE, EXCLUSIVE",
        ),
        (
            {"Dimensions": {"Demographic": {"Age": {}}}},
            r"Dimensions\.Demographic\.Age is not known",
        ),
        ({"Dimensions": near(91, 0, 1)}, r"GPSPoint\.Coordinates\.Latitude must be between"),
        ({"Dimensions": near(0, 181, 1)}, r"GPSPoint\.Coordinates\.Longitude must be between"),
        ({"Dimensions": near(0, 0, -1)}, r"GPSPoint\.RangeInKilometers must be 0 or more"),
        ({"Dimensions": {"Location": {"GPSPoint": {}}}}, r"Coordinates\.Latitude must be a number"),
        (
            {"Dimensions": {"Behavior": {"Recency": {"Duration": "DAY_8"}}}},
            r"Dimensions\.Behavior\.Recency\.Duration must be one of HR_24",
        ),
        ({"SegmentGroups": {}}, r"SegmentGroups\.Groups must hold a group"),
        ({"SegmentGroups": {"Groups": [{}], "Include": "SOME"}}, r"SegmentGroups\.Include must be"),
        (
            {"SegmentGroups": {"Groups": [{"Type": "SOME"}]}},
            r"Groups\[0\]\.Type must be one of ALL",
        ),
        (
            {"SegmentGroups": {"Groups": [{}, {"Dimensions": [{"Metrics": {"M": {}}}]}]}},
            r"SegmentGroups\.Groups\[1\]\.Dimensions\[0\]\.Metrics\.M\.ComparisonOperator",
        ),
        (
            {"SegmentGroups": {"Groups": [{"SourceSegments": [{}]}]}},
            r"SourceSegments\[0\]\.Id must be the id",
        ),
        (
            {"SegmentGroups": {"Groups": [{"SourceSegments": [{"Id": "a", "Version": 0}]}]}},
            r"SourceSegments\[0\]\.Version must be 1 or more",
        ),
        (
            {"Dimensions": {"Attributes": {str(n): {"Values": ["x"]} for n in range(101)}}},
            "101 criteria in all, and a segment has at most 100",
        ),
    ],
)
def test_a_request_that_breaks_a_rule_is_refused_by_member(request_body, message):
    with pytest.raises(BadRequest, match=message):
        validate_segment(request_body)


def test_an_empty_dimensions_beside_groups_is_what_answers_carry_and_may_come_back():
    request = {
        "Dimensions": {"Attributes": {}, "Metrics": None},
        "SegmentGroups": {"Groups": [{"Dimensions": [RED]}]},
    }

    validate_segment(request)

    test = compile_segment(request, now=NOW, sources=no_sources)
    assert found(test) == [False, True, False, True]


# Segments that build on segments


def building_on(*sources):
    references = [{"Id": one} for one in sources]
    return {"SegmentGroups": {"Groups": [{"SourceSegments": references}]}}


def looking_up(**segments):
    """A look-up of segments by id, each built on others; the ids that it was asked for."""
    asked = []

    def look_up(segment_id, version):
        asked.append(segment_id)
        return building_on(*segments[segment_id])

    return look_up, asked


def test_every_segment_built_on_is_looked_up_once():
    look_up, asked = looking_up(a="bc", b="d", c="d", d="")

    found = resolved_sources(building_on("a", "b"), look_up)

    assert sorted(asked) == ["a", "b", "c", "d"]
    assert set(found) == {("a", None), ("b", None), ("c", None), ("d", None)}


def test_a_segment_that_refers_to_itself_three_times_takes_one_look():
    look_up, asked = looking_up(a="aaa")

    with pytest.raises(BadRequest, match="from segment a back to it"):
        resolved_sources(building_on("a"), look_up)

    assert asked == ["a"]


def test_a_segment_counts_as_often_as_it_is_built_on():
    look_up, asked = looking_up(a="b" * 10, b="c" * 9, c="")

    with pytest.raises(BadRequest, match="more than 100 segments"):
        resolved_sources(building_on("a"), look_up)  # 1 + 10 + 90

    resolved_sources(look_up("a", None), look_up)  # 10 + 90


def test_a_chain_of_any_length_is_refused_and_not_followed_to_its_end():
    def look_up(segment_id, version):
        return building_on(str(int(segment_id) + 1))

    with pytest.raises(BadRequest, match="more than 100 segments"):
        resolved_sources(building_on("1"), look_up)


IDS = "abcd"


@settings(deadline=None)
@given(st.fixed_dictionaries({one: st.lists(st.sampled_from(IDS), max_size=3) for one in IDS}))
def test_a_circle_is_found_exactly_where_there_is_one(segments):
    look_up, asked = looking_up(**segments)
    closed = set()  # the segments without a way back to them: those built on such ones only
    for _ in IDS:
        closed |= {one for one in IDS if closed.issuperset(segments[one])}

    try:
        resolved_sources(building_on("a"), look_up)
    except BadRequest as error:
        circular = "back to it" in error.message
    else:
        circular = False

    assert circular is ("a" not in closed)
    assert len(asked) == len(set(asked))


# Rules for all inputs

VALUES = st.lists(st.sampled_from(["red", "blue", "Red", "", "re"]), max_size=4)


@settings(deadline=None)
@given(VALUES, VALUES)
def test_exclusive_is_the_complement_of_inclusive(listed, values):
    assume(listed)
    endpoint = with_values(*values)

    included = matches(attribute("INCLUSIVE", *listed), endpoint)

    assert matches(attribute("EXCLUSIVE", *listed), endpoint) is not included


@settings(deadline=None)
@given(VALUES, VALUES)
def test_whoever_is_included_also_contains(listed, values):
    assume(listed)
    endpoint = with_values(*values)

    if matches(attribute("INCLUSIVE", *listed), endpoint):
        assert matches(attribute("CONTAINS", *listed), endpoint)


@settings(deadline=None)
@given(st.datetimes(), st.datetimes())
def test_every_instant_is_before_after_or_at_another(one, other):
    endpoint = with_values(one.isoformat())

    before = matches(attribute("BEFORE", other.isoformat()), endpoint)
    after = matches(attribute("AFTER", other.isoformat()), endpoint)

    assert [before, after, one == other].count(True) == 1


COORDINATES = st.tuples(st.floats(-90, 90), st.floats(-180, 180))


@settings(deadline=None)
@given(COORDINATES, COORDINATES)
def test_distance_is_the_same_both_ways_and_never_over_half_the_earth(here, there):
    distance = kilometers_between(here, there)

    assert distance == pytest.approx(kilometers_between(there, here), abs=1e-3)
    assert 0 <= distance <= 20_016
