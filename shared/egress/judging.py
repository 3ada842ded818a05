"""Judging a list of addresses for an operator: which may be visited, and why not; connects to none of them."""

from collections.abc import Iterable
from dataclasses import dataclass

from yarl import URL

from shared.egress import EgressGuard
from shared.egress.rules import Refusal
from shared.errors import AddressRefused, PageUnreachable

UNRESOLVED = "unresolved"


@dataclass(frozen=True, slots=True)
class Judged:
    """One address and what the guard said; `reason` is None when it is allowed."""

    url: str
    allowed: bool
    reason: str | None


async def judge_all(guard: EgressGuard, urls: Iterable[str]) -> list[Judged]:
    """Judge each address in turn, one answer each, in order."""
    return [await _judge(guard, url) for url in urls]


async def _judge(guard: EgressGuard, text: str) -> Judged:
    try:
        await guard.judge(URL(text))
    except ValueError:
        return Judged(text, allowed=False, reason=Refusal.HOST)
    except AddressRefused as refused:
        return Judged(text, allowed=False, reason=refused.kind)
    except PageUnreachable:
        return Judged(text, allowed=False, reason=UNRESOLVED)
    return Judged(text, allowed=True, reason=None)
