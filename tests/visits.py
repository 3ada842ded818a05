"""Visits to sites of the tests' own, which mind no haste."""

from datetime import timedelta

from services.scraper.adapters.turns.domains import Sites
from services.scraper.adapters.turns.in_memory import InMemoryTurns
from services.scraper.domain.politeness import Manners
from services.scraper.domain.politeness.visiting import Visits

UNHURRIED = Manners(concurrency=1_000, interval=timedelta(0), rest=timedelta(0), down_after=1_000)


def visits() -> Visits:
    """Lets everybody in at once, but for a host that has yet to answer."""
    return Visits(InMemoryTurns(UNHURRIED), Sites(), UNHURRIED)
