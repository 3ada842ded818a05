"""Days and months of the quota: bounds that hold their instant, follow one another, and know daylight saving."""

from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.quota.calendar import Calendar, Span

LOS_ANGELES = Calendar(ZoneInfo("America/Los_Angeles"))
INSTANTS = st.timedeltas(timedelta(days=-20 * 365), timedelta(days=180 * 365)).map(
    datetime.fromtimestamp(0, UTC).__add__
)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@given(at=INSTANTS, zone=st.timezones())
@example(at=utc("2011-12-30T10:00"), zone=ZoneInfo("Pacific/Apia"))  # a day that was left out
@example(at=utc("1987-10-25T03:30"), zone=ZoneInfo("America/St_Johns"))  # clocks went back across midnight
@example(at=utc("2018-11-04T03:00"), zone=ZoneInfo("America/Sao_Paulo"))  # midnight was skipped
def test_every_instant_lies_in_its_day_and_month_and_the_next_one_begins_where_they_end(
    at: datetime, zone: ZoneInfo
) -> None:
    calendar = Calendar(zone)
    for span, following in (
        (calendar.day(at), calendar.day),
        (calendar.month(at), calendar.month),
    ):
        assert at in span
        assert span.end not in span
        assert following(span.start) == span
        assert following(span.end).start == span.end
        assert following(span.end - timedelta(microseconds=1)) == span


@given(at=INSTANTS)
def test_a_day_lies_in_one_month(at: datetime) -> None:
    day, month = LOS_ANGELES.day(at), LOS_ANGELES.month(at)

    assert month.start <= day.start
    assert day.end <= month.end


@pytest.mark.parametrize(
    ("at", "start", "end", "hours"),
    [
        ("2026-03-08T20:00", "2026-03-08T08:00", "2026-03-09T07:00", 23),  # clocks go forward
        ("2026-11-01T20:00", "2026-11-01T07:00", "2026-11-02T08:00", 25),  # clocks go back
        ("2026-06-15T06:59:59.999999", "2026-06-14T07:00", "2026-06-15T07:00", 24),
        ("2026-06-15T07:00", "2026-06-15T07:00", "2026-06-16T07:00", 24),
    ],
)
def test_a_day_runs_from_local_midnight_to_local_midnight(at: str, start: str, end: str, hours: int) -> None:
    day = LOS_ANGELES.day(utc(at))

    assert day == Span(utc(start), utc(end))
    assert day.end - day.start == timedelta(hours=hours)


@pytest.mark.parametrize(
    ("at", "start", "end"),
    [
        ("2028-03-01T07:59", "2028-02-01T08:00", "2028-03-01T08:00"),  # a leap year's February
        ("2026-11-30T12:00", "2026-11-01T07:00", "2026-12-01T08:00"),  # clocks go back within
        ("2026-12-31T23:00", "2026-12-01T08:00", "2027-01-01T08:00"),
    ],
)
def test_a_month_runs_from_the_first_local_midnight_to_the_next(at: str, start: str, end: str) -> None:
    assert LOS_ANGELES.month(utc(at)) == Span(utc(start), utc(end))


class JumpsOverMidnight(tzinfo):
    """A zone whose clocks went from 23:30 on 31 March 2026 to 00:30 on 1 April, as Toronto's once did."""

    _JUMP = datetime(2026, 3, 31, 23, 30)  # noqa: DTZ001 - by the zone's own clocks
    _HOUR = timedelta(hours=1)

    def utcoffset(self, at: datetime | None) -> timedelta:
        assert at is not None
        shown = at.replace(tzinfo=None, fold=0)
        after = shown >= self._JUMP + self._HOUR or (shown >= self._JUMP and at.fold == 1)
        return self._HOUR if after else timedelta(0)

    def dst(self, _: datetime | None) -> timedelta:
        return timedelta(0)

    def fromutc(self, at: datetime) -> datetime:
        return at + self._HOUR if at.replace(tzinfo=None) >= self._JUMP else at


def test_where_clocks_jump_over_midnight_the_moments_after_it_still_have_one_day_and_one_month() -> None:
    calendar = Calendar(JumpsOverMidnight())
    right_after = datetime(2026, 3, 31, 23, 40, tzinfo=UTC)  # shown as 00:40 on 1 April
    next_begins = datetime(2026, 4, 1, 0, 0, tzinfo=UTC)

    assert calendar.day(right_after) == Span(datetime(2026, 3, 31, tzinfo=UTC), next_begins)
    assert calendar.month(right_after) == Span(datetime(2026, 3, 1, tzinfo=UTC), next_begins)
    assert calendar.day(next_begins).start == next_begins == calendar.month(next_begins).start
