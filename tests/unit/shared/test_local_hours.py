"""Hours of the day in the time zone of an endpoint."""

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.local_hours import DAYS, Hours, InvalidHours, zone_named, zones_of, zones_of_number

OFFICE = Hours.of("09:00", "20:00")
NEW_YORK = ZoneInfo("America/New_York")
SYDNEY = ZoneInfo("Australia/Sydney")
ZONES = st.sampled_from(
    [
        ZoneInfo(name)
        for name in (
            "UTC",
            "America/New_York",
            "America/St_Johns",
            "Asia/Kathmandu",
            "Australia/Lord_Howe",
            "Europe/Berlin",
            "Pacific/Apia",
            "Pacific/Chatham",
        )
    ]
)
MOMENTS = st.datetimes(
    min_value=datetime(2024, 1, 1), max_value=datetime(2032, 1, 1), timezones=st.just(UTC)
)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "opens"),
    [
        ("2026-11-30T14:00", "2026-11-30T14:00"),  # opens at nine
        ("2026-11-30T13:59", "2026-11-30T14:00"),
        ("2026-12-01T00:59", "2026-12-01T00:59"),  # a minute before eight in the evening
        ("2026-12-01T01:00", "2026-12-01T14:00"),
        ("2026-07-01T13:00", "2026-07-01T13:00"),  # summer time
    ],
)
def test_hours_are_those_of_the_zone_and_open_until_they_close(now: str, opens: str) -> None:
    assert OFFICE.next_open(at(now), [NEW_YORK]) == at(opens)


def test_hours_wait_for_their_day_of_the_week() -> None:
    weekdays = Hours.of("09:00", "20:00", ["MON", "TUE", "WED", "THU", "FRI"])

    friday_evening = at("2026-12-05T02:00")

    assert weekdays.next_open(friday_evening, [NEW_YORK]) == at("2026-12-07T14:00")


def test_hours_that_end_on_the_next_day_belong_to_the_day_on_which_they_open() -> None:
    friday_night = Hours.of("22:00", "02:00", ["FRI"])

    assert friday_night.next_open(at("2026-12-05T01:30"), [UTC]) == at("2026-12-05T01:30")
    assert friday_night.next_open(at("2026-12-05T02:00"), [UTC]) == at("2026-12-11T22:00")


def test_hours_are_open_where_all_zones_of_a_number_are_open() -> None:
    perth_and_sydney = [ZoneInfo("Australia/Perth"), SYDNEY]

    # Nine in Perth is noon in Sydney, in summer.
    assert OFFICE.next_open(at("2026-11-30T00:00"), perth_and_sydney) == at("2026-11-30T01:00")


def test_hours_that_never_meet_never_open() -> None:
    morning = Hours.of("09:00", "10:00")

    assert morning.next_open(at("2026-11-30T00:00"), [NEW_YORK, SYDNEY]) is None


def test_hours_in_a_gap_of_the_clock_open_on_the_next_day() -> None:
    early = Hours.of("02:10", "02:50")

    # The clocks of New York go from two to three on 8 March 2026.
    assert early.next_open(at("2026-03-08T05:00"), [NEW_YORK]) == at("2026-03-08T07:10")
    assert early.next_open(at("2026-03-08T08:00"), [NEW_YORK]) == at("2026-03-09T06:10")


@given(
    now=MOMENTS,
    zones=st.lists(ZONES, min_size=1, max_size=3),
    opens=st.times().map(lambda t: t.replace(second=0, microsecond=0)),
    closes=st.times().map(lambda t: t.replace(second=0, microsecond=0)),
)
def test_the_next_opening_is_never_in_the_past_nor_outside_the_hours(
    now: datetime, zones: list[ZoneInfo], opens: time, closes: time
) -> None:
    if opens == closes:
        return

    found = Hours(opens, closes).next_open(now, zones)

    if found is not None:
        assert found >= now
        assert Hours(opens, closes).next_open(found, zones) == found
        for zone in zones:
            local = found.astimezone(zone)
            offsets = {(local + timedelta(hours=h)).utcoffset() for h in (-26, 26)}
            if len(offsets) == 1:  # no change of the clock is near
                clock = local.time()
                inside = (
                    opens <= clock < closes if opens < closes else clock >= opens or clock < closes
                )
                assert inside


@given(now=MOMENTS, zone=ZONES)
def test_daily_hours_open_within_a_day_and_an_hour(now: datetime, zone: ZoneInfo) -> None:
    found = OFFICE.next_open(now, [zone])

    assert found is not None
    # Apia left out a day once, in 2011.
    assert found - now <= timedelta(hours=25)


def test_the_zone_of_the_endpoint_wins_over_that_of_its_number() -> None:
    endpoint = {"Demographic": {"Timezone": "Europe/Berlin"}}

    assert zones_of(endpoint, number="+12125550123") == (ZoneInfo("Europe/Berlin"),)


@pytest.mark.parametrize(
    "endpoint",
    [
        {},
        {"Demographic": None},
        {"Demographic": "America/New_York"},
        {"Demographic": {"Timezone": ""}},
        {"Demographic": {"Timezone": "Mars/Olympus"}},
        {"Demographic": {"Timezone": 5}},
    ],
)
def test_a_zone_that_is_not_known_is_estimated_from_the_number(endpoint: dict[str, Any]) -> None:
    assert zones_of(endpoint, number="+12125550123", default="UTC") == (NEW_YORK,)


@pytest.mark.parametrize("number", ["+447700900123", "12125550123", "", "+", "room-42", None])
def test_the_default_is_for_numbers_without_a_zone(number: str | None) -> None:
    assert zones_of({}, number=number, default="Europe/London") == (ZoneInfo("Europe/London"),)
    assert zones_of({}, number=number) == ()


def test_a_mobile_number_has_the_zones_of_its_country() -> None:
    assert SYDNEY in zones_of_number("+61412345678")
    assert len(zones_of_number("+61412345678")) > 1


@pytest.mark.parametrize(
    "name",
    [
        None,
        5,
        "",
        "Mars/Olympus",
        "America",
        "../../etc/passwd",
        "/etc/localtime",
        "tzdata.zi",
        "leapseconds",
        "A" * 300,
        "Europe/Berlin\n",
        "Europe/Berl\u0131n",
        "\ud800",
        "UTC\x00",
        "-05:00",
        ["UTC"],
    ],
)
def test_a_name_that_is_no_zone_is_none(name: Any) -> None:
    assert zone_named(name) is None


@given(st.text())
def test_no_text_breaks_the_look_up_of_a_zone_or_a_number(text: str) -> None:
    zone_named(text)
    zones_of_number(text)


@pytest.mark.parametrize(
    ("opens", "closes", "days"),
    [
        ("9:00", "20:00", DAYS),
        ("09:00", "24:00", DAYS),
        ("09:00", "20:60", DAYS),
        ("09:00:00", "20:00", DAYS),
        ("", "20:00", DAYS),
        ("nine", "20:00", DAYS),
        ("\u0660\u0669:00", "20:00", DAYS),
        ("09:00", "09:00", DAYS),
        ("09:00", "20:00", ()),
        ("09:00", "20:00", ("MONDAY",)),
        ("09:00", "20:00", ("mon",)),
    ],
)
def test_hours_that_cannot_be_read_are_refused(
    opens: str, closes: str, days: tuple[str, ...]
) -> None:
    with pytest.raises(InvalidHours):
        Hours.of(opens, closes, days)


def test_without_a_zone_there_is_no_next_opening() -> None:
    with pytest.raises(ValueError, match="zone"):
        OFFICE.next_open(at("2026-11-30T00:00"), [])
