import contextlib
import sys
import zoneinfo
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engagement_hub.engagement.errors import BadRequest
from engagement_hub.engagement.model import Frequency
from engagement_hub.engagement.schedule import (
    TIMEZONES,
    in_quiet_time,
    run_after,
    validate_quiet_time,
    validate_schedule,
)
from shared.instants import iso
from shared.messages.template_dates import NoTimeZoneDatabase, find_zone
from tests.builders.campaigns import NOW, schedule

moments = st.datetimes(datetime(2026, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))


def runs(plan, after, count):
    found = []
    for _ in range(count):
        after = run_after(plan, after)
        if after is None:
            break
        found.append(iso(after))
    return found


def test_a_campaign_sent_once_runs_at_its_start_time_and_never_again():
    assert runs(schedule(), NOW, 3) == ["2026-03-03T09:00:00.000Z"]


@pytest.mark.parametrize(
    ("frequency", "second"),
    [
        ("HOURLY", "2026-03-03T10:00:00.000Z"),
        ("DAILY", "2026-03-04T09:00:00.000Z"),
        ("WEEKLY", "2026-03-10T09:00:00.000Z"),
        ("MONTHLY", "2026-04-03T09:00:00.000Z"),
    ],
)
def test_a_recurring_campaign_runs_again_after_its_period(frequency, second):
    plan = schedule(Frequency=frequency)

    assert runs(plan, NOW, 2) == ["2026-03-03T09:00:00.000Z", second]


def test_a_monthly_run_on_the_31st_clamps_to_short_months_and_never_drifts():
    plan = schedule("2027-12-31T09:00:00Z", Frequency="MONTHLY")

    assert [run[:10] for run in runs(plan, NOW, 5)] == [
        "2027-12-31",
        "2028-01-31",
        "2028-02-29",
        "2028-03-31",
        "2028-04-30",
    ]


def test_months_are_counted_in_the_schedules_time_zone():
    plan = schedule("2026-01-31T23:30:00", Frequency="MONTHLY", Timezone="UTC-08")

    assert runs(plan, NOW, 2) == ["2026-04-01T07:30:00.000Z", "2026-05-01T07:30:00.000Z"]


def test_a_run_at_end_time_takes_place_and_none_after_it():
    plan = schedule(Frequency="DAILY", EndTime="2026-03-05T09:00:00Z")

    assert [run[:10] for run in runs(plan, NOW, 9)] == ["2026-03-03", "2026-03-04", "2026-03-05"]


@given(moments, st.sampled_from(["HOURLY", "DAILY", "WEEKLY", "MONTHLY"]), moments)
def test_the_next_run_is_always_later_and_on_the_grid_of_the_start(start, frequency, after):
    plan = schedule(start.isoformat(), Frequency=frequency)

    run = run_after(plan, after)

    assert run is not None
    assert run > after
    assert run >= start
    assert run - max(after, start) <= timedelta(days=31)
    assert (run.minute, run.second, run.microsecond) == (
        start.minute,
        start.second,
        start.microsecond,
    )
    if frequency == "MONTHLY":
        assert run.day == start.day or (run + timedelta(days=1)).day == 1


@given(moments, st.sampled_from(["HOURLY", "DAILY", "WEEKLY", "MONTHLY"]))
def test_no_run_is_skipped_between_two_questions(start, frequency):
    plan = schedule(start.isoformat(), Frequency=frequency)
    first = run_after(plan, start)
    assert first is not None

    just_before = run_after(plan, first - timedelta(microseconds=1))

    assert just_before == first


@pytest.mark.parametrize("zone", ["utc", "utc+01", "Utc-08"])
def test_the_letter_case_of_a_time_zone_does_not_matter(zone):
    plan = schedule("2026-03-05T12:00:00", Timezone=zone)

    validate_schedule(plan, NOW)

    assert run_after(plan, NOW) == run_after({**plan, "Timezone": zone.upper()}, NOW)


@given(st.datetimes(min_value=datetime(1, 1, 1)), st.sampled_from(list(Frequency)))
def test_no_start_time_of_the_calendar_is_more_than_a_bad_request(start, frequency):
    for zone in ("", "+14:00", "-12:00"):
        plan = schedule(f"{start.isoformat()}{zone}", Frequency=frequency, Timezone="UTC+13")

        with contextlib.suppress(BadRequest):
            validate_schedule(plan, NOW)
            assert run_after(plan, NOW) > NOW


def test_the_time_zone_table_is_the_closed_list_of_the_api():
    listed = (
        "UTC UTC+01 UTC+02 UTC+03 UTC+03:30 UTC+04 UTC+04:30 UTC+05 UTC+05:30 UTC+05:45 UTC+06 "
        "UTC+06:30 UTC+07 UTC+08 UTC+09 UTC+09:30 UTC+10 UTC+10:30 UTC+11 UTC+12 UTC+13 UTC-02 "
        "UTC-03 UTC-04 UTC-05 UTC-06 UTC-07 UTC-08 UTC-09 UTC-10 UTC-11"
    )

    assert set(TIMEZONES) == set(listed.split())
    assert TIMEZONES["UTC+05:45"].utcoffset(None) == timedelta(hours=5, minutes=45)
    assert TIMEZONES["UTC-11"].utcoffset(None) == timedelta(hours=-11)


@pytest.mark.parametrize(
    ("plan", "problem"),
    [
        ({}, "StartTime is missing"),
        (schedule("tomorrow"), "StartTime must be ISO 8601"),
        (schedule(EndTime="never"), "EndTime must be ISO 8601"),
        (schedule(EndTime="2026-03-03T09:00:00Z"), "EndTime must be later"),
        (schedule("2026-03-01T09:00:00Z"), "no run left"),
        (
            schedule("2026-01-01T09:00:00Z", Frequency="DAILY", EndTime="2026-02-01T00:00:00Z"),
            "no run left",
        ),
        (schedule(Frequency="YEARLY"), "Frequency must be ONCE"),
        (schedule("IMMEDIATE", Frequency="DAILY"), "goes with Frequency ONCE"),
        (schedule(Timezone="Europe/Berlin"), "Timezone must be one of UTC,"),
        (schedule("9999-12-31T23:00:00-11:00"), "StartTime must be from 1970 to 9000"),
        (schedule("0001-01-01T00:00:00+01:00"), "StartTime must be from 1970 to 9000"),
        (schedule(EndTime="9999-12-31T23:59:59Z"), "EndTime must be from 1970 to 9000"),
        (schedule(Frequency="EVENT"), "EVENT and IN_APP_EVENT.* not implemented"),
        (schedule(Frequency="IN_APP_EVENT"), "not implemented"),
        (schedule(EventFilter={"FilterType": "ENDPOINT", "Dimensions": {}}), "not implemented"),
        (schedule(IsLocalTime=True), "IsLocalTime true is not implemented"),
        (schedule(QuietTime={"Start": "22:00"}), "Schedule.QuietTime.End"),
        (schedule(QuietTime={"Start": "24:00", "End": "06:00"}), "Schedule.QuietTime.Start"),
    ],
)
def test_a_schedule_that_cannot_be_kept_is_refused_by_member(plan, problem):
    with pytest.raises(BadRequest, match=problem):
        validate_schedule(plan, NOW)


@pytest.mark.parametrize("nothing", [None, {}, {"Start": "", "End": ""}])
def test_an_empty_quiet_time_is_none(nothing):
    validate_quiet_time(nothing, "QuietTime")

    assert not in_quiet_time(nothing, "UTC", NOW)


@pytest.mark.parametrize(
    ("clock", "quiet"),
    [
        ("21:59:59", False),
        ("22:00:00", True),
        ("23:59:59", True),
        ("00:00:00", True),
        ("06:00:59", True),
        ("06:01:00", False),
        ("12:00:00", False),
    ],
)
def test_quiet_time_past_midnight_includes_both_ends(clock, quiet):
    now = datetime.fromisoformat(f"2026-07-01T{clock}").replace(tzinfo=ZoneInfo("Asia/Tokyo"))

    answer = in_quiet_time({"Start": "22:00", "End": "06:00"}, "Asia/Tokyo", now.astimezone(UTC))

    assert answer is quiet


@given(moments, st.sampled_from(sorted(available_timezones())), st.times(), st.times())
def test_quiet_time_is_by_the_endpoints_own_clock(now, zone, start, end):
    start_text, end_text = start.strftime("%H:%M"), end.strftime("%H:%M")
    local = now.astimezone(ZoneInfo(zone)).strftime("%H:%M")
    inside = [start_text <= local, local <= end_text]

    answer = in_quiet_time({"Start": start_text, "End": end_text}, zone, now)

    assert answer is (all(inside) if start_text <= end_text else any(inside))


@pytest.fixture
def no_tz_database(monkeypatch):
    # Stands for a system without tz files, and for Python without the package tzdata.
    monkeypatch.setitem(sys.modules, "tzdata", None)
    zoneinfo.reset_tzpath(to=[])
    ZoneInfo.clear_cache()
    find_zone.cache_clear()
    yield
    zoneinfo.reset_tzpath()
    ZoneInfo.clear_cache()
    find_zone.cache_clear()


def test_without_a_tz_database_quiet_time_fails_loudly(no_tz_database):
    with pytest.raises(NoTimeZoneDatabase, match="tzdata"):
        in_quiet_time({"Start": "00:00", "End": "23:59"}, "Europe/Berlin", NOW)


@pytest.mark.parametrize(
    "zone", [None, "", "Mars/Olympus", "America", "../etc/passwd", "UTC+01:00x"]
)
def test_quiet_time_without_a_valid_time_zone_is_ignored(zone):
    assert not in_quiet_time({"Start": "00:00", "End": "23:59"}, zone, NOW)
