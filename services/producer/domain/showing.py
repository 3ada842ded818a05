"""What the live page shows: the whole fleet, or one user, at a moment; both in the same shape."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from services.producer.domain.reports import Reports
from services.producer.domain.standing import RateLimit, Standing
from shared.ledger.views import Health, LaneProgress, LanesWaiting, StageSums
from shared.signals import Signals
from shared.values import UserId

NEWEST = 30
SIGNALS = 20
_STANDING = {
    "can_make_request", "cannot_because", "windows", "has_api_key", "api_key_status", "key_serving", "waiting",
}  # fmt: skip


class Snapshots:
    """Takes pictures of the fleet for people who watch it."""

    def __init__(self, *, reports: Reports, signals: Signals, standing: Standing) -> None:
        self._reports = reports
        self._signals = signals
        self._standing = standing

    async def of_fleet(self) -> dict[str, Any]:
        """Everybody's bookmarks, every stage, the newest results, the last hour, signs of abuse and who is paused."""
        overview = await self._reports.overview()
        newest = await self._reports.newest(NEWEST)
        return {
            "bookmarks": dict(overview.bookmarks),
            "users": overview.users,
            "stages": [_stage(sums, overview.lanes) for sums in overview.stages],
            "newest": [bookmark.as_json() for bookmark in newest],
            "standing": None,
            "signals": [signal.as_json() for signal in await self._signals.newest(SIGNALS)],
            "paused": list(overview.paused),
            "health": health_shown(overview.health),
        }

    async def of_user(self, user: UserId) -> dict[str, Any]:
        """One user's bookmarks, lanes, newest results and standing; all empty for a user nothing is known of."""
        progress = await self._reports.progress(user)
        newest = await self._reports.newest(NEWEST, user=user)
        return {
            "bookmarks": dict(progress.bookmarks),
            "users": None,
            "stages": [_lane(lane) for lane in progress.lanes],
            "newest": [bookmark.as_json() for bookmark in newest],
            "standing": standing_shown(await self._standing.shown(user)),
            "signals": None,
            "paused": None,
            "health": None,
        }


def standing_shown(limits: RateLimit) -> dict[str, Any]:
    """What changes only when something happens: `minute_resets_at` is now for as long as nothing does."""
    return {name: value for name, value in asdict(limits).items() if name in _STANDING}


def health_shown(health: Health) -> dict[str, Any]:
    """What changes only when something happens: `since` is always an hour ago."""
    return {name: value for name, value in health.as_json().items() if name != "since"}


def _stage(sums: StageSums, lanes: Sequence[LanesWaiting]) -> dict[str, Any]:
    waits = [wait.as_json() for wait in lanes if wait.stage == sums.stage]
    return {**sums.as_json(), "waits": waits}


def _lane(lane: LaneProgress) -> dict[str, Any]:
    waits = [{**lane.blocked.as_json(), "lanes": None}] if lane.blocked else []
    return {**lane.as_json(), "waits": waits}
