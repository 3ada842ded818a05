"""What operators look into and change over HTTP, with the scope `admin`; each change is in the audit trail."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field, StrictInt

from services.producer.api.callers import Admin
from services.producer.api.doors import Door
from services.producer.domain.reanalysing import Requeued
from services.producer.domain.retrying import Retried
from shared.audit import Entry
from shared.errors import InvalidInput, UnknownUser
from shared.ledger.views import FailurePage, LanePage
from shared.quota import LimitInForce, UserLimits, account_of
from shared.users import user_id
from shared.values import JobId, Stage, UserId, WaitReason

router = APIRouter(prefix="/v1/admin", tags=["admin"])

_LARGEST_ID = 2**63 - 1
_MOST_JOBS = 1_000
_CODE = r"^[a-z][a-z_]{0,63}$"

OneUser = Annotated[str | None, Query(description="One user's only.")]
OneCode = Annotated[str | None, Query(pattern=_CODE, description="Only what failed with this code.")]
Cursor = Annotated[int | None, Query(ge=0, le=_LARGEST_ID, description="`after` of the page before.")]
AtMost = Annotated[int, Query(ge=1, le=200)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ToRetry(_Body):
    """What to begin anew; what is given narrows down together, and something must be given."""

    jobs: list[Annotated[StrictInt, Field(ge=1, le=_LARGEST_ID)]] = Field(default=[], max_length=_MOST_JOBS)
    user: str | None = None
    code: str | None = Field(default=None, pattern=_CODE)


class ToReanalyse(_Body):
    """What to analyse again: what this version of the prompt and older ones came to, of one user or of all."""

    prompt_version: str = Field(min_length=1, max_length=64)
    user: str | None = None


class ToPause(_Body):
    """Whom to stop serving, or to serve again."""

    user: str


class Paused(BaseModel):
    """Whether a user is paused now."""

    user: UserId
    paused: bool


class ToLimit(_Body):
    """A user's own limits, all three windows anew; null leaves a window to the deployment."""

    minute: StrictInt | None = None
    day: StrictInt | None = None
    month: StrictInt | None = None


class LimitsView(BaseModel):
    """A user's limits: what was set, and what holds now (lowered by what the provider taught) with its source."""

    user: UserId
    set: ToLimit
    in_force: Mapping[str, LimitInForce]


class EntryView(BaseModel):
    """One act in the audit trail."""

    id: int
    at: datetime
    actor: str = Field(description="Who.")
    origin: str = Field(description="From where: a network address, or a host.")
    action: str = Field(description="What.")
    user: UserId | None = Field(description="Whose data was touched.")
    details: dict[str, str | int]


class EntryPage(BaseModel):
    """Some acts, newest first, and where the next page begins; null when this is the last."""

    entries: list[EntryView]
    after: int | None


@router.get("/failures")
async def failures(
    _: Admin, door: Door, user: OneUser = None, code: OneCode = None, cursor: Cursor = None, limit: AtMost = 50
) -> FailurePage:
    """What failed for good, newest first: whose, which bookmark, why, and what helps."""
    after = None if cursor is None else JobId(cursor)
    return await door.failures.page(user=_named(user), code=code, after=after, limit=limit)


@router.get("/lanes")
async def lanes(
    _: Admin,
    door: Door,
    reason: Annotated[WaitReason | None, Query(description="Only lanes that wait for this.")] = None,
    cursor: Annotated[str | None, Query(max_length=200, description="`after` of the page before.")] = None,
    limit: AtMost = 50,
) -> LanePage:
    """Lanes that have work or are paused: how much waits, how much is out, and why they do not go on."""
    return await door.lanes.page(reason=reason, after=None if cursor is None else _place(cursor), limit=limit)


@router.post("/retry")
async def retry(actor: Admin, door: Door, what: ToRetry) -> Retried:
    """Begin failed bookmarks anew, with fresh attempts."""
    jobs = [JobId(job) for job in what.jobs]
    return await door.retry(jobs=jobs, user=_named(what.user), code=what.code, by=actor)


@router.post("/reanalyse")
async def reanalyse(actor: Admin, door: Door, what: ToReanalyse) -> Requeued:
    """Analyse again, within quota, what older versions of the prompt came to; bookmarks that show none go first."""
    return await door.reanalyse(prompt_version=what.prompt_version, user=_named(what.user), by=actor)


@router.post("/pause")
async def pause(actor: Admin, door: Door, whom: ToPause) -> Paused:
    """Stop serving a user; what runs ends as usual, what waits keeps waiting."""
    user = user_id(whom.user)
    if not await door.ledger.pause(user, by=actor):
        raise UnknownUser(user)
    return Paused(user=user, paused=True)


@router.post("/resume")
async def resume(actor: Admin, door: Door, whom: ToPause) -> Paused:
    """Serve a paused user again."""
    user = user_id(whom.user)
    if not await door.ledger.resume(user, by=actor):
        raise UnknownUser(user)
    return Paused(user=user, paused=False)


@router.get("/users/{user}/limits")
async def limits(_: Admin, door: Door, user: Annotated[str, Path(description="The user's id.")]) -> LimitsView:
    """How many provider calls a user may make, and who says so."""
    return await _limits(door, user_id(user))


@router.put("/users/{user}/limits")
async def set_limits(
    actor: Admin, door: Door, user: Annotated[str, Path(description="The user's id.")], wanted: ToLimit
) -> LimitsView:
    """Set a user's own limits, all three windows anew; an empty object gives them back to the deployment."""
    named = user_id(user)
    await door.set_limits(named, UserLimits(**wanted.model_dump()), by=actor)
    return await _limits(door, named)


@router.get("/audit")
async def audit(_: Admin, door: Door, user: OneUser = None, cursor: Cursor = None, limit: AtMost = 50) -> EntryPage:
    """Who did what with whose keys and data, and from where; newest first."""
    found = await door.audit.newest(limit + 1, user=_named(user), before=cursor)
    entries = [_entry(entry) for entry in found[:limit]]
    return EntryPage(entries=entries, after=entries[-1].id if len(found) > limit else None)


async def _limits(door: Door, user: UserId) -> LimitsView:
    own = await door.limits.set_for(user)
    return LimitsView(
        user=user, set=ToLimit(**asdict(own)), in_force=asdict(await door.limits.in_force(account_of(user)))
    )


def _entry(entry: Entry) -> EntryView:
    return EntryView(**(asdict(entry) | asdict(entry.actor) | {"actor": entry.actor.name}))


def _named(user: str | None) -> UserId | None:
    return None if user is None else user_id(user)


def _place(cursor: str) -> tuple[UserId, Stage]:
    user, _, stage = cursor.partition("/")
    if stage not in set(Stage):
        raise InvalidInput("The query `cursor` is not the `after` of a page of lanes.")
    return user_id(user), Stage(stage)
