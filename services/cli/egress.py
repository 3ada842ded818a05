"""`fleet egress`: judges addresses as the scraper would; resolves their names and connects to none."""

import asyncio
from dataclasses import asdict

import click

from services.cli.command import command
from services.cli.output import print_json
from shared.egress.in_resolver import ResolvingGuard, SystemResolver
from shared.egress.judging import judge_all
from shared.egress.rules import Rules
from shared.settings import EgressSettings


@command(anywhere=True)
@click.argument("urls", nargs=-1, required=True, metavar="URL…")
def egress(urls: tuple[str, ...]) -> int:
    """Judge each address, one JSON object a line; 1 if any is refused."""
    settings = EgressSettings.read()
    rules = Rules(allow=settings.egress_allow, ports=frozenset(settings.egress_ports))
    resolver = SystemResolver(threads=1)
    judged = asyncio.run(judge_all(ResolvingGuard(rules, resolver), urls))
    resolver.close()
    for one in judged:
        print_json(asdict(one))
    return 0 if all(one.allowed for one in judged) else 1
