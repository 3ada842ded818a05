"""`fleet api|intake|dispatch|scrape|analyze`: one process of the fleet each, as containers and `fleet up` run them."""

import re
from typing import Any

import click

from services.cli.command import command


class Partitions(click.ParamType[tuple[int, ...]]):
    """Which partitions a pool serves: `0-7`, `3`, `0-3,8-11`."""

    name = "partitions"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        """The partitions' numbers, ascending, each once."""
        chosen: set[int] = set()
        for part in str(value).split(","):
            span = re.fullmatch(r"(\d{1,2})(?:-(\d{1,2}))?", part.strip())
            if span is None or int(span[2] or span[1]) < int(span[1]):
                self.fail("Give numbers and spans like 0-7 or 0-3,8.", param, ctx)
            chosen.update(range(int(span[1]), int(span[2] or span[1]) + 1))
        return tuple(sorted(chosen))


_partitions = click.option(
    "--partitions", type=Partitions(), default=None, metavar="0-7", help="Serve these partitions only."
)


@command()
def api() -> int:
    """Serve the HTTP API and the live page."""
    from services.producer.api.main import run_api  # noqa: PLC0415 - each process imports its own libraries alone

    return run_api()


@command()
def intake() -> int:
    """Take bookmark events from the broker into the ledger."""
    from services.producer.main import run_intake  # noqa: PLC0415 - each process imports its own libraries alone

    return run_intake()


@command()
def dispatch() -> int:
    """Release jobs in turn, take back what was lost, and publish the events."""
    from services.producer.main import run_dispatcher  # noqa: PLC0415 - each process imports its own libraries alone

    return run_dispatcher()


@command()
@_partitions
def scrape(partitions: tuple[int, ...] | None) -> int:
    """Fetch pages and extract their content."""
    from services.scraper.main import run_scraper  # noqa: PLC0415 - each process imports its own libraries alone

    return run_scraper(partitions)


@command()
@_partitions
def analyze(partitions: tuple[int, ...] | None) -> int:
    """Analyse contents on each user's own key."""
    from services.analyzer.main import run_analyzer  # noqa: PLC0415 - each process imports its own libraries alone

    return run_analyzer(partitions)
