"""What the live page shows: the whole fleet, or one user, at a moment; both in the same shape."""

from collections.abc import Sequence
from typing import Any

from services.producer.domain.reports import Reports
from services.producer.domain.standing import RateLimit, Standing
from shared.errors import QuotaUnavailable
from shared.ledger.views import LaneProgress, LanesWaiting, StageSums
from shared.values import UserId

NEWEST = 30


class Snapshots:
    """Takes pictures of the fleet for people who watch it."""

    def __init__(self, *, reports: Reports, standing: Standing) -> None:
        self._reports = reports
        self._standing = standing

    async def of_fleet(self) -> dict[str, Any]:
        """Everybody's bookmarks, every stage, and the newest results of all."""
        overview = await self._reports.overview()
        newest = await self._reports.newest(NEWEST)
        return {
            "bookmarks": dict(overview.bookmarks),
            "users": overview.users,
            "stages": [_stage(sums, overview.lanes) for sums in overview.stages],
            "newest": [bookmark.as_json() for bookmark in newest],
            "quota": None,
        }

    async def of_user(self, user: UserId) -> dict[str, Any]:
        """One user's bookmarks, lanes, newest results and quota; all empty for a user nothing is known of."""
        progress = await self._reports.progress(user)
        newest = await self._reports.newest(NEWEST, user=user)
        return {
            "bookmarks": dict(progress.bookmarks),
            "users": None,
            "stages": [_lane(lane) for lane in progress.lanes],
            "newest": [bookmark.as_json() for bookmark in newest],
            "quota": await self._quota(user),
        }

    async def _quota(self, user: UserId) -> dict[str, Any] | None:
        try:
            return _windows(await self._standing.rate_limit(user))
        except QuotaUnavailable:
            return None  # the rest is still worth showing


def _stage(sums: StageSums, lanes: Sequence[LanesWaiting]) -> dict[str, Any]:
    waits = [wait.as_json() for wait in lanes if wait.stage == sums.stage]
    return {**sums.as_json(), "waits": waits}


def _lane(lane: LaneProgress) -> dict[str, Any]:
    waits = [{**lane.blocked.as_json(), "lanes": None}] if lane.blocked else []
    return {**lane.as_json(), "waits": waits}


def _windows(limits: RateLimit) -> dict[str, Any]:
    return {
        "can_make_request": limits.can_make_request,
        "minute": {"used": limits.requests_this_minute, "limit": limits.minute_limit},
        "day": {"used": limits.requests_today, "limit": limits.daily_limit},
        "month": {"used": limits.requests_this_month, "limit": limits.monthly_limit},
    }
