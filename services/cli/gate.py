"""`fleet gate`: what a saved answer would be taken for; no network, no fleet."""

import asyncio
from pathlib import Path

import click

from services.cli.command import an_address, command, told
from services.cli.output import print_facts, print_json
from services.cli.surroundings import Surroundings
from services.scraper.adapters.parsers import Parsers
from services.scraper.domain.gate import Judgement
from services.scraper.domain.pages import Fetched
from services.scraper.settings import ScraperSettings


@command(anywhere=True)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--url", required=True, callback=an_address, help="Where the answer came from, after all redirects.")
@click.option(
    "--asked",
    default="",
    callback=an_address,
    help="The bookmark's own address, where redirects led elsewhere from it.",
)
@click.option("--status", type=click.IntRange(100, 999), default=200, show_default=True, help="The answer's status.")
@click.option("--header", "headers", multiple=True, metavar="'NAME: VALUE'", help="One of its headers; repeatable.")
@told
def gate(around: Surroundings, *, file: Path, url: str, asked: str, status: int, headers: tuple[str, ...]) -> int:
    """Judge a saved answer: the verdict, and the evidence it rests on."""
    named = dict(_header(each) for each in headers)
    media_type = named.get("content-type", "").partition(";")[0].strip().lower()
    answer = Fetched(url=url, status=status, media_type=media_type, body=file.read_bytes(), headers=named)
    judgement = asyncio.run(_judged(answer, asked))
    facts = {"verdict": judgement.verdict.value, "evidence": judgement.evidence, "browser": judgement.needs_browser}
    if around.as_json:
        print_json(facts)
    else:
        print_facts(facts)
    return 0


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise click.UsageError(f"--header takes 'NAME: VALUE', not {text!r}.")
    return name.strip().lower(), value.strip()


async def _judged(answer: Fetched, asked: str) -> Judgement:
    """The verdict on what the scraper's own parser processes make of it, under their limits."""
    async with Parsers(ScraperSettings.read().parser_limits(), processes=1) as parsers:
        return (await parsers.read(answer, asked=asked))[1]
