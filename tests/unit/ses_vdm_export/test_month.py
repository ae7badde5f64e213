"""The calendar month of a run: every month, year ends, leap years, clock changes, time zones."""

from calendar import monthrange
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ses_vdm_export.month import BadExportRequest, Month, month_asked_for, month_before

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Los_Angeles",
    "Asia/Tokyo",
    "Asia/Kolkata",
    "Australia/Lord_Howe",  # half an hour of summer time
    "Pacific/Kiritimati",  # UTC+14
    "Pacific/Pago_Pago",  # UTC-11
]


def scheduled(text, zone="UTC"):
    """The month of a run that is scheduled for this instant, and its wait."""
    return month_asked_for({"scheduled_time": text}, NOW, ZoneInfo(zone))


def named(text, now=NOW):
    return month_asked_for({"month": text}, now, ZoneInfo("UTC"))


@pytest.mark.parametrize("number", range(1, 13))
@pytest.mark.parametrize("year", [2023, 2024, 2100, 2400])
def test_the_report_of_each_month_has_all_of_its_days_and_no_other(year, number):
    first_of_next = datetime(year + number // 12, number % 12 + 1, 1, 6, tzinfo=UTC)

    month, wait = scheduled(first_of_next.isoformat())

    assert (month.year, month.number, wait) == (year, number, 0)
    assert month.start == datetime(year, number, 1, tzinfo=UTC)
    assert (month.end - month.start).days == monthrange(year, number)[1]
    assert month.end == datetime(first_of_next.year, first_of_next.month, 1, tzinfo=UTC)


def test_the_month_before_january_is_december_of_the_year_before():
    month, _ = scheduled("2027-01-01T06:00:00Z")

    assert str(month) == "2026-12"
    assert month.end == datetime(2027, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(("year", "days"), [(2023, 28), (2024, 29), (2100, 28), (2400, 29)])
def test_a_february_has_its_leap_day_in_leap_years_only(year, days):
    month, _ = scheduled(f"{year}-03-01T06:00:00Z")

    assert (month.end - month.start).days == days


@pytest.mark.parametrize("day", [1, 2, 15, 28, 30, 31])
def test_a_run_on_any_day_of_the_month_reports_the_calendar_month_before_and_not_30_days(day):
    month, _ = scheduled(f"2026-03-{day:02}T06:00:00Z" if day != 31 else "2026-03-31T23:59:59Z")

    assert str(month) == "2026-02"


@pytest.mark.parametrize(
    ("zone", "time", "month"),
    [
        # 06:00 on the 1st is the last day of the month before in UTC.
        ("Asia/Tokyo", "2026-10-31T21:00:00Z", "2026-10"),
        ("Pacific/Kiritimati", "2026-12-31T16:00:00Z", "2026-12"),
        # Midnight of UTC is still the last day of the month there.
        ("America/New_York", "2026-11-01T03:59:59Z", "2026-09"),
        ("America/New_York", "2026-11-01T04:00:00Z", "2026-10"),
        ("UTC", "2026-10-31T23:59:59Z", "2026-09"),
        ("UTC", "2026-11-01T00:00:00Z", "2026-10"),
    ],
)
def test_what_month_it_is_is_a_matter_of_the_readers_time_zone(zone, time, month):
    assert str(scheduled(time, zone)[0]) == month


@pytest.mark.parametrize(
    ("time", "month"),
    [
        # London: summer time in the whole of these nights, UTC+1.
        ("2026-03-31T23:00:00Z", "2026-03"),
        ("2026-03-31T22:59:59Z", "2026-02"),
        # and winter time in these, though the month began in summer time.
        ("2026-10-31T23:59:59Z", "2026-09"),
        ("2026-11-01T00:00:00Z", "2026-10"),
    ],
)
def test_the_beginning_of_a_month_is_that_of_the_clock_in_force(time, month):
    assert str(scheduled(time, "Europe/London")[0]) == month


@pytest.mark.parametrize("time", ["2026-11-01T05:59:59Z", "2026-11-01T06:00:00Z"])
def test_a_run_in_the_hour_that_clocks_repeat_is_about_the_month_before(time):
    """01:30 happens twice on November 1, 2026, in New York."""
    month, _ = scheduled(time, "America/New_York")

    assert str(month) == "2026-10"


def test_a_run_right_after_the_hour_that_clocks_skip_is_about_the_month_before():
    """In Berlin the clocks of 2026 change at 01:00 UTC on March 29."""
    assert str(scheduled("2026-03-29T00:59:59Z", "Europe/Berlin")[0]) == "2026-02"
    assert str(scheduled("2026-03-29T01:00:00Z", "Europe/Berlin")[0]) == "2026-02"


@pytest.mark.parametrize("number", range(1, 13))
@pytest.mark.parametrize("zone", ZONES)
def test_six_in_the_morning_of_the_1st_reports_the_month_before_everywhere(zone, number):
    local = datetime(2026, number, 1, 6, tzinfo=ZoneInfo(zone))

    month, wait = month_asked_for({"scheduled_time": local.isoformat()}, NOW, ZoneInfo(zone))

    assert month.following == Month(2026, number)
    assert 0 <= wait <= 14 * 3600
    assert local + timedelta(seconds=wait) >= month.end


def test_a_run_before_the_last_day_is_over_for_ses_waits_until_it_is():
    assert scheduled("2026-10-31T21:00:00Z", "Asia/Tokyo")[1] == 3 * 3600
    assert scheduled("2026-10-31T23:59:59.5Z", "Asia/Tokyo")[1] == 1
    assert scheduled("2026-11-01T06:00:00Z")[1] == 0


@given(
    st.datetimes(datetime(2000, 1, 2), datetime(2099, 12, 30), timezones=st.just(UTC)),
    st.sampled_from(sorted(available_timezones())),
)
def test_every_instant_lies_in_the_month_after_the_one_reported(instant, zone):
    month = month_before(instant, ZoneInfo(zone))

    local = instant.astimezone(ZoneInfo(zone))
    assert (month.following.year, month.following.number) == (local.year, local.month)
    assert month.following.previous == month
    assert month.start < month.end == month.following.start


def test_a_month_can_be_named():
    month, wait = named("2026-10")

    assert (str(month), wait) == ("2026-10", 0)


@pytest.mark.parametrize(
    "month",
    [
        "2026-13",
        "2026-00",
        "2026-1",
        "202610",
        "October",
        "",
        "2026-10-01",
        202610,
        None,
        "٢٠٢٦-10",
    ],
)
def test_what_is_no_month_is_refused_by_name_and_with_an_example(month):
    with pytest.raises(BadExportRequest, match="month must be a year and a month as in 2026-10"):
        named(month)


def test_a_month_that_is_not_over_is_refused_because_it_would_stand_in_the_way_of_the_whole():
    with pytest.raises(BadExportRequest, match="2026-11 is not over.* 2026-12-01T00:00:00Z"):
        named("2026-11")

    assert str(named("2026-11", datetime(2026, 12, 1, tzinfo=UTC))[0]) == "2026-11"


@pytest.mark.parametrize(
    "run_input",
    [
        {},
        {"Month": "2026-10"},
        {"month": "2026-10", "scheduled_time": "2026-11-01T06:00:00Z"},
        "2026-10",
        None,
        [],
    ],
)
def test_an_input_without_one_of_the_two_members_is_refused_with_the_way_out(run_input):
    with pytest.raises(BadExportRequest, match='either month or scheduled_time.*"2026-10"'):
        month_asked_for(run_input, NOW, ZoneInfo("UTC"))


@pytest.mark.parametrize(
    "time", ["yesterday", "2026-11-01T06:00:00", "<aws.scheduler.scheduled-time>", 5, None]
)
def test_a_time_without_an_offset_or_that_is_none_is_refused(time):
    with pytest.raises(BadExportRequest, match="scheduled_time must be"):
        scheduled(time)
