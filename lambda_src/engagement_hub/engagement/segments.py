"""Segments: which endpoints belong, by criteria, groups and source segments.

A definition is checked once (`validate_segment`) and compiled once per run (`compile_segment`) into
a plain function, because a run asks it about every endpoint of a project.

Source: Amazon Pinpoint API reference (SegmentDimensions, SegmentGroupList). Ours, where AWS is
silent: an endpoint without the attribute passes EXCLUSIVE and nothing else; instants without an
offset are UTC, and ON means the same day in UTC; BETWEEN includes both ends; `DeviceType` reads the
custom attribute of that name, since endpoints have no such member; "active" means that the
endpoint's EffectiveDate is within the period; several groups are accepted.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from math import asin, cos, radians, sin, sqrt
from typing import Any, TypeVar, cast

from engagement_hub.engagement import quotas
from engagement_hub.engagement.endpoint_requests import (
    InvalidMember,
    checked_number,
    parsed_instant,
)
from engagement_hub.engagement.endpoints import visible
from engagement_hub.engagement.errors import BadRequest
from engagement_hub.engagement.model import (
    AttributeType,
    ChannelType,
    Combination,
    DimensionType,
    Endpoint,
    MetricComparison,
    RecencyDuration,
    RecencyType,
    Segment,
    SegmentReference,
    SegmentRequest,
    SegmentType,
)

Predicate = Callable[[Endpoint], bool]
Sources = Callable[[str, int | None], Predicate]
# A reference to a source segment: id, and version or None for the latest.
Reference = tuple[str, int | None]
# An endpoint while a predicate is compiled: wire JSON, read by names known only at run time.
_Json = Mapping[str, Any]
_Test = Callable[[_Json], bool]
_Choice = TypeVar("_Choice", bound=StrEnum)

EARTH_RADIUS_KILOMETERS = 6371.0088  # the mean radius of WGS 84
RECENCY_PERIODS = {
    RecencyDuration.HR_24: timedelta(hours=24),
    RecencyDuration.DAY_7: timedelta(days=7),
    RecencyDuration.DAY_14: timedelta(days=14),
    RecencyDuration.DAY_30: timedelta(days=30),
}
COMPARISONS: dict[MetricComparison, Callable[[float, float], bool]] = {
    MetricComparison.GREATER_THAN: operator.gt,
    MetricComparison.LESS_THAN: operator.lt,
    MetricComparison.GREATER_THAN_OR_EQUAL: operator.ge,
    MetricComparison.LESS_THAN_OR_EQUAL: operator.le,
    MetricComparison.EQUAL: operator.eq,
}
# Members of a list are deleted this long after no segment has the list any more. A run reads the
# lists that were current at its start, and has read them long before.
LIST_RETIREMENT = timedelta(hours=6)
# For checking and counting, where no test is asked and the moment does not matter.
ANY_MOMENT = datetime(2000, 1, 1, tzinfo=UTC)
DEVICE_MEMBERS = ("AppVersion", "Make", "Model", "Platform")
# The members of a SegmentDimensions, and of the structures in it.
DIMENSIONS = ("Attributes", "Behavior", "Demographic", "Location", "Metrics", "UserAttributes")
DEMOGRAPHICS = (*DEVICE_MEMBERS, "Channel", "DeviceType")
LOCATIONS = ("Country", "GPSPoint")


def validate_segment(request: SegmentRequest) -> None:
    """Check what a client wrote about a segment.

    Raises:
        BadRequest: names the JSON member, the rule, and the way out.
    """
    name = request.get("Name")
    if name is not None and (not isinstance(name, str) or not name.strip()):
        raise InvalidMember("Name", "must be text. Leave it out, or give the segment a name.")
    dimensions, groups = request.get("Dimensions"), request.get("SegmentGroups")
    if dimensions is None and groups is None:
        raise BadRequest(
            "Dimensions or SegmentGroups must be given. For everyone, send an empty Dimensions."
        )
    # GetSegment answers may carry an empty one beside the other; sending them back is fine.
    if (
        groups is not None
        and dimensions is not None
        and _criteria("Dimensions", dimensions, ANY_MOMENT)
    ):
        raise BadRequest("Dimensions and SegmentGroups exclude each other. Leave one of them out.")

    _segment_test(request, ANY_MOMENT, lambda _id, _version: _everyone)
    count = dimension_count(request)
    if count > quotas.SEGMENT_DIMENSIONS:
        raise BadRequest(
            f"Dimensions has {count} criteria in all, and a segment has at most "
            f"{quotas.SEGMENT_DIMENSIONS}. Merge the values of some, or build on source segments."
        )


def dimension_count(definition: SegmentRequest | Segment) -> int:
    """Count the criteria of a valid segment: an attribute, a metric, a country set… is one."""
    count = len(_criteria("Dimensions", definition.get("Dimensions") or {}, ANY_MOMENT))
    for group in (definition.get("SegmentGroups") or {}).get("Groups") or []:
        for dimensions in group.get("Dimensions") or []:
            count += len(_criteria("Dimensions", dimensions, ANY_MOMENT))
    return count


def source_segments(definition: SegmentRequest | Segment) -> list[Reference]:
    """Return the segments a definition builds on: id, and version or None for the latest."""
    return [
        (source["Id"], source.get("Version"))
        for group in (definition.get("SegmentGroups") or {}).get("Groups") or []
        for source in group.get("SourceSegments") or []
    ]


def resolved_sources(
    definition: SegmentRequest | Segment,
    look_up: Callable[[str, int | None], Segment],
    *,
    own_id: str | None = None,
) -> dict[Reference, Segment]:
    """Look up every segment that a definition builds on, itself or through other segments.

    Args:
        look_up: returns a segment by id and version; is called once for each.
        own_id: id of the segment that the definition is about to become.

    Raises:
        BadRequest: the definition builds on itself, or on too many segments. A segment counts as
            often as it is built on, because each reference is evaluated for every endpoint.
    """
    found: dict[Reference, Segment] = {}
    counts: dict[Reference, int] = {}

    def count(current: SegmentRequest | Segment, path: tuple[Reference, ...]) -> int:
        total = 0
        for reference in source_segments(current):
            if reference in path or reference == (own_id, None):
                raise BadRequest(
                    f"SourceSegments leads from segment {reference[0]} back to it. Leave one of "
                    "the references out, or give it a Version from before the circle."
                )
            if len(path) == quotas.SOURCE_SEGMENTS:
                raise _too_many_sources()
            if reference not in counts:
                found[reference] = look_up(*reference)
                counts[reference] = count(found[reference], (*path, reference))
            total += 1 + counts[reference]
            if total > quotas.SOURCE_SEGMENTS:
                raise _too_many_sources()
        return total

    count(definition, ())
    return found


def _too_many_sources() -> BadRequest:
    return BadRequest(
        f"SourceSegments leads to more than {quotas.SOURCE_SEGMENTS} segments, counting each as "
        "often as it is built on. Build on fewer segments, or repeat their criteria."
    )


def compile_segment(
    definition: SegmentRequest | Segment, *, now: datetime, sources: Sources
) -> Predicate:
    """Turn a segment into a function that says whether an endpoint matches its criteria.

    Whether the endpoint may be sent to is a different question: see `in_audience`.

    Args:
        now: an aware instant; recency looks back from it.
        sources: gives the predicate of a source segment by id and version (None: the latest).
            Called once per reference while compiling; whatever it raises comes through.

    Raises:
        BadRequest: the definition is not valid, or it is an imported segment, whose members are a
            list and not criteria.
    """
    if definition.get("SegmentType") == SegmentType.IMPORT:
        raise BadRequest("An imported segment is a list of members; look them up by its id.")
    return cast("Predicate", _segment_test(definition, now, sources))


def in_audience(matches: Predicate) -> Predicate:
    """Narrow a segment to the endpoints that messages may go to: ACTIVE and not opted out."""
    return lambda endpoint: visible(endpoint) and matches(endpoint)


def _segment_test(definition: SegmentRequest | Segment, now: datetime, sources: Sources) -> _Test:
    groups = definition.get("SegmentGroups")
    if groups is None:
        return _all_of(_criteria("Dimensions", definition.get("Dimensions"), now))
    member = "SegmentGroups"
    listed = _list(f"{member}.Groups", _object(member, groups).get("Groups"))
    if not listed:
        raise InvalidMember(
            f"{member}.Groups", "must hold a group. For everyone, send an empty Dimensions instead."
        )
    include = _choice(f"{member}.Include", groups.get("Include"), Combination, Combination.ALL)
    return _combined(
        include,
        [
            _group_test(
                f"{member}.Groups[{number}]", _object(f"{member}.Groups", group), now, sources
            )
            for number, group in enumerate(listed)
        ],
    )


def _group_test(member: str, group: _Json, now: datetime, sources: Sources) -> _Test:
    how = _choice(f"{member}.Type", group.get("Type"), Combination, Combination.ALL)
    how_sources = _choice(
        f"{member}.SourceType", group.get("SourceType"), Combination, Combination.ALL
    )
    dimensions = [
        _all_of(_criteria(f"{member}.Dimensions[{number}]", one, now))
        for number, one in enumerate(_list(f"{member}.Dimensions", group.get("Dimensions")))
    ]
    source_tests = [
        _source_test(f"{member}.SourceSegments[{number}]", one, sources)
        for number, one in enumerate(_list(f"{member}.SourceSegments", group.get("SourceSegments")))
    ]
    # No dimensions, or no sources, leave that side open: a group of nothing is everyone.
    parts = []
    if dimensions:
        parts.append(_combined(how, dimensions))
    if source_tests:
        parts.append(_combined(how_sources, source_tests))
    return _all_of(parts)


def _source_test(member: str, reference: SegmentReference, sources: Sources) -> _Test:
    source = _object(member, reference)
    segment_id, version = source.get("Id"), source.get("Version")
    if not isinstance(segment_id, str) or not segment_id:
        raise InvalidMember(f"{member}.Id", "must be the id of a segment.")
    if version is not None and (not isinstance(version, int) or version < 1):
        raise InvalidMember(
            f"{member}.Version", "must be 1 or more. Leave it out to follow the latest."
        )
    return cast("_Test", sources(segment_id, version))


def _everyone(_endpoint: object) -> bool:
    return True


def _criteria(member: str, dimensions: object, now: datetime) -> list[_Test]:
    """Return the tests of one SegmentDimensions, which an endpoint must all pass."""
    given = _object(member, dimensions)
    _only(member, given, DIMENSIONS)
    tests: list[_Test] = []

    for kind in ("Attributes", "UserAttributes"):
        for name, dimension in _object(f"{member}.{kind}", given.get(kind)).items():
            tests.append(_attribute_test(f"{member}.{kind}.{name}", kind, name, dimension))

    demographic = _object(f"{member}.Demographic", given.get("Demographic"))
    _only(f"{member}.Demographic", demographic, DEMOGRAPHICS)
    for name, dimension in demographic.items():
        if dimension is not None:
            tests.append(_demographic_test(f"{member}.Demographic.{name}", name, dimension))

    location = _object(f"{member}.Location", given.get("Location"))
    _only(f"{member}.Location", location, LOCATIONS)
    if location.get("Country") is not None:
        tests.append(
            _set_test(f"{member}.Location.Country", ("Location", "Country"), location["Country"])
        )
    if location.get("GPSPoint") is not None:
        tests.append(_distance_test(f"{member}.Location.GPSPoint", location["GPSPoint"]))

    for name, dimension in _object(f"{member}.Metrics", given.get("Metrics")).items():
        tests.append(_metric_test(f"{member}.Metrics.{name}", name, dimension))

    behavior = _object(f"{member}.Behavior", given.get("Behavior"))
    _only(f"{member}.Behavior", behavior, ("Recency",))
    if behavior.get("Recency") is not None:
        tests.append(_recency_test(f"{member}.Behavior.Recency", behavior["Recency"], now))
    return tests


def _attribute_test(member: str, kind: str, name: str, dimension: object) -> _Test:
    given = _object(member, dimension)
    how = _choice(
        f"{member}.AttributeType",
        given.get("AttributeType"),
        AttributeType,
        AttributeType.INCLUSIVE,
    )
    listed = _values(member, given)
    holds = _values_test(member, how, listed)
    no_values: list[str] = []

    if kind == "Attributes":

        def test(endpoint: _Json) -> bool:
            attributes = endpoint.get("Attributes")
            return holds(attributes.get(name, no_values) if attributes else no_values)

    else:

        def test(endpoint: _Json) -> bool:
            user = endpoint.get("User")
            attributes = user.get("UserAttributes") if user else None
            return holds(attributes.get(name, no_values) if attributes else no_values)

    return test


def _values_test(
    member: str, how: AttributeType, listed: Sequence[str]
) -> Callable[[Collection[str]], bool]:
    """Return a test on all values of one attribute; several listed values are alternatives."""
    if how is AttributeType.INCLUSIVE:
        return _shares_one_with(frozenset(listed))
    if how is AttributeType.EXCLUSIVE:
        return frozenset(listed).isdisjoint
    if how is AttributeType.CONTAINS:
        return lambda values: any(part in value for value in values for part in listed)

    instants = [_instant(f"{member}.Values", text) for text in listed]
    if how is AttributeType.BEFORE:
        latest = max(instants)
        return lambda values: any(instant < latest for instant in _instants(values))
    if how is AttributeType.AFTER:
        earliest = min(instants)
        return lambda values: any(instant > earliest for instant in _instants(values))
    if how is AttributeType.ON:
        days: frozenset[date] = frozenset(instant.date() for instant in instants)
        return lambda values: any(instant.date() in days for instant in _instants(values))

    if len(instants) != 2 or instants[0] > instants[1]:
        raise InvalidMember(
            f"{member}.Values", "must be two instants for BETWEEN, the earlier one first."
        )
    start, end = instants
    return lambda values: any(start <= instant <= end for instant in _instants(values))


def _shares_one_with(wanted: frozenset[str]) -> Callable[[Collection[str]], bool]:
    has_none = wanted.isdisjoint
    return lambda values: not has_none(values)


def _instants(values: Iterable[str]) -> Iterable[datetime]:
    """Return the values that are instants; other text is neither before nor after an instant."""
    return (instant for value in values if (instant := parsed_instant(value)) is not None)


def _demographic_test(member: str, name: str, dimension: object) -> _Test:
    if name == "Channel":
        test = _set_test(member, ("ChannelType",), dimension)
        for channel in _values(member, _object(member, dimension)):
            if channel not in ChannelType.__members__:
                raise InvalidMember(
                    f"{member}.Values", f"must be channels, out of {', '.join(ChannelType)}."
                )
        return test
    if name == "DeviceType":
        how, listed = _set_dimension(member, dimension)
        attribute = {"AttributeType": how.value, "Values": listed}
        return _attribute_test(member, "Attributes", name, attribute)
    return _set_test(member, ("Demographic", name), dimension)


def _set_dimension(member: str, dimension: object) -> tuple[DimensionType, list[str]]:
    given = _object(member, dimension)
    how = _choice(
        f"{member}.DimensionType",
        given.get("DimensionType"),
        DimensionType,
        DimensionType.INCLUSIVE,
    )
    return how, _values(member, given)


def _set_test(member: str, path: tuple[str] | tuple[str, str], dimension: object) -> _Test:
    how, listed = _set_dimension(member, dimension)
    wanted = frozenset(listed)
    if len(path) == 1:
        top = path[0]
        if how is DimensionType.INCLUSIVE:
            return lambda endpoint: endpoint.get(top) in wanted
        return lambda endpoint: endpoint.get(top) not in wanted

    outer, inner = path
    nothing: _Json = {}
    if how is DimensionType.INCLUSIVE:
        return lambda endpoint: endpoint.get(outer, nothing).get(inner) in wanted
    return lambda endpoint: endpoint.get(outer, nothing).get(inner) not in wanted


def _metric_test(member: str, name: str, dimension: object) -> _Test:
    given = _object(member, dimension)
    how = _choice(f"{member}.ComparisonOperator", given.get("ComparisonOperator"), MetricComparison)
    bound = checked_number(f"{member}.Value", given.get("Value"))
    compare = COMPARISONS[how]

    def test(endpoint: _Json) -> bool:
        value = endpoint.get("Metrics", {}).get(name)
        return value is not None and compare(value, bound)

    return test


def _distance_test(member: str, point: object) -> _Test:
    """Test the distance to a point by the haversine formula; without coordinates it fails."""
    given = _object(member, point)
    center = _object(f"{member}.Coordinates", given.get("Coordinates"))
    latitude = checked_number(f"{member}.Coordinates.Latitude", center.get("Latitude"))
    longitude = checked_number(f"{member}.Coordinates.Longitude", center.get("Longitude"))
    reach = checked_number(f"{member}.RangeInKilometers", given.get("RangeInKilometers"))
    if not -90 <= latitude <= 90:
        raise InvalidMember(f"{member}.Coordinates.Latitude", "must be between -90 and 90 degrees.")
    if not -180 <= longitude <= 180:
        raise InvalidMember(
            f"{member}.Coordinates.Longitude", "must be between -180 and 180 degrees."
        )
    if reach < 0:
        raise InvalidMember(f"{member}.RangeInKilometers", "must be 0 or more kilometers.")

    def test(endpoint: _Json) -> bool:
        location = endpoint.get("Location")
        if not location:
            return False
        there = (location.get("Latitude"), location.get("Longitude"))
        if there[0] is None or there[1] is None:
            return False
        return kilometers_between((latitude, longitude), there) <= reach

    return test


def kilometers_between(here: tuple[float, float], there: tuple[float, float]) -> float:
    """Return the great-circle distance of two (latitude, longitude) points in degrees."""
    latitude, longitude = radians(here[0]), radians(here[1])
    other_latitude, other_longitude = radians(there[0]), radians(there[1])
    half_chord = (
        sin((other_latitude - latitude) / 2) ** 2
        + cos(latitude) * cos(other_latitude) * sin((other_longitude - longitude) / 2) ** 2
    )
    return 2 * EARTH_RADIUS_KILOMETERS * asin(sqrt(min(1.0, half_chord)))


def _recency_test(member: str, dimension: object, now: datetime) -> _Test:
    given = _object(member, dimension)
    duration = _choice(f"{member}.Duration", given.get("Duration"), RecencyDuration)
    kind = _choice(f"{member}.RecencyType", given.get("RecencyType"), RecencyType)
    since = now - RECENCY_PERIODS[duration]
    wanted = kind is RecencyType.ACTIVE

    def test(endpoint: _Json) -> bool:
        last = parsed_instant(endpoint.get("EffectiveDate", ""))
        return (last is not None and last >= since) is wanted

    return test


def _combined(how: Combination, tests: Sequence[_Test]) -> _Test:
    if how is Combination.ALL:
        return _all_of(tests)
    some = _any_of(tests)
    if how is Combination.ANY:
        return some
    return lambda endpoint: not some(endpoint)


def _all_of(tests: Sequence[_Test]) -> _Test:
    """Return one function for a conjunction; short ones are written out, being the hot path."""
    if not tests:
        return _everyone
    if len(tests) == 1:
        return tests[0]
    if len(tests) == 2:
        first, second = tests
        return lambda endpoint: first(endpoint) and second(endpoint)
    every = tuple(tests)

    def test(endpoint: _Json) -> bool:
        for one in every:  # noqa: SIM110 - all() over a generator halves the rate
            if not one(endpoint):
                return False
        return True

    return test


def _any_of(tests: Sequence[_Test]) -> _Test:
    if len(tests) == 1:
        return tests[0]
    every = tuple(tests)
    return lambda endpoint: any(one(endpoint) for one in every)


def _object(member: str, value: object) -> dict[str, Any]:
    """Return a JSON object; null and absence count as an empty one."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InvalidMember(member, "must be a JSON object.")
    return value


def _list(member: str, value: object) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise InvalidMember(member, "must be a JSON array.")
    return value


def _only(member: str, given: Iterable[str], known: Sequence[str]) -> None:
    for name in given:
        if name not in known:
            raise InvalidMember(f"{member}.{name}", f"is not known. Use one of {', '.join(known)}.")


def _choice(
    member: str, value: object, kind: type[_Choice], default: _Choice | None = None
) -> _Choice:
    """Return a word of a closed set; it may be left out where there is a default."""
    if value is None and default is not None:
        return default
    if not isinstance(value, str) or value not in kind.__members__:
        raise InvalidMember(member, f"must be one of {', '.join(kind)}.")
    return kind(value)


def _values(member: str, given: _Json) -> list[str]:
    values = _list(f"{member}.Values", given.get("Values"))
    if not values or not all(isinstance(value, str) for value in values):
        raise InvalidMember(f"{member}.Values", "must be a list of at least one string.")
    return values


def _instant(member: str, text: str) -> datetime:
    instant = parsed_instant(text)
    if instant is None:
        raise InvalidMember(
            member, "must be ISO 8601 dates or instants, such as 2026-01-31T09:00:00Z."
        )
    return instant
