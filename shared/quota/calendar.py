"""Days and months as the quota counts them: from local midnight to local midnight, whatever the clocks do."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

_ONE_DAY = timedelta(days=1)
_Step = Callable[[date], date]


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time from `start` up to, not including, `end` (both UTC)."""

    start: datetime
    end: datetime

    def __contains__(self, at: datetime) -> bool:
        return self.start <= at < self.end


@dataclass(frozen=True, slots=True)
class Bounds:
    """The day and the month an instant lies in."""

    day: Span
    month: Span


@dataclass(frozen=True, slots=True)
class Calendar:
    """The days and months of one time zone; days of 23 or 25 hours are as long as they are."""

    timezone: tzinfo

    def bounds(self, at: datetime) -> Bounds:
        """The day and the month that hold this instant."""
        return Bounds(day=self.day(at), month=self.month(at))

    def day(self, at: datetime) -> Span:
        """The day that holds this instant."""
        first = at.astimezone(self.timezone).date()
        return self._span_around(at, first, _day_before, _day_after)

    def month(self, at: datetime) -> Span:
        """The month that holds this instant."""
        first = at.astimezone(self.timezone).date().replace(day=1)
        return self._span_around(at, first, _month_before, _month_after)

    def _span_around(self, at: datetime, first: date, before: _Step, after: _Step) -> Span:
        # Where clocks go back across midnight a date comes twice; spans follow one another all the same, so
        # the instant may belong to the neighbour of the date its clock shows.
        while at < self._midnight(first):
            first = before(first)
        while at >= self._midnight(after(first)):
            first = after(first)
        return Span(self._midnight(first), self._midnight(after(first)))

    def _midnight(self, day: date) -> datetime:
        """The first moment of a date (UTC); where midnight is skipped, the moment the clocks jump."""
        return datetime.combine(day, time.min, self.timezone).astimezone(UTC)


def _day_before(day: date) -> date:
    return day - _ONE_DAY


def _day_after(day: date) -> date:
    return day + _ONE_DAY


def _month_before(first: date) -> date:
    return (first - _ONE_DAY).replace(day=1)


def _month_after(first: date) -> date:
    return (first + timedelta(days=31)).replace(day=1)
