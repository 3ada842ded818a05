"""`fleet api|intake|dispatch|scrape|render|analyze`: one process each, as containers and `fleet up` run them."""

import re
from typing import Any

import click

from services.cli.command import command


class Partitions(click.ParamType[range]):
    """Which partitions a pool serves: `0-7`, or one: `3`."""

    name = "partitions"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> range:
        """The partitions from the first to the last."""
        span = re.fullmatch(r"(\d{1,2})(?:-(\d{1,2}))?", str(value))
        if span is None or int(span[2] or span[1]) < int(span[1]):
            self.fail("Give a span like 0-7, or one number.", param, ctx)
        return range(int(span[1]), int(span[2] or span[1]) + 1)


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
    from services.producer.intake_main import run_intake  # noqa: PLC0415 - each process imports its own libraries alone

    return run_intake()


@command()
def dispatch() -> int:
    """Release jobs in turn, take back what was lost, and publish the events."""
    from services.producer.dispatch_main import run_dispatcher  # noqa: PLC0415 - each process imports its own libraries alone

    return run_dispatcher()


@command()
@_partitions
def scrape(partitions: range | None) -> int:
    """Fetch pages and extract their content."""
    from services.scraper.main import run_scraper  # noqa: PLC0415 - each process imports its own libraries alone

    return run_scraper(partitions=partitions)


@command()
@_partitions
def render(partitions: range | None) -> int:
    """Open pages that need a browser, and extract their content."""
    from services.scraper.render_main import run_renderer  # noqa: PLC0415 - each process imports its own libraries alone

    return run_renderer(partitions=partitions)


@command()
@_partitions
def analyze(partitions: range | None) -> int:
    """Analyse contents on each user's own key."""
    from services.analyzer.main import run_analyzer  # noqa: PLC0415 - each process imports its own libraries alone

    return run_analyzer(partitions=partitions)
