"""`fleet extract`: what the scraper would keep of saved pages; no network, no fleet."""

import asyncio
import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click
from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from services.cli.command import an_address, command, told
from services.cli.output import print_facts, print_json
from services.cli.surroundings import Surroundings
from services.scraper.adapters.parsers import Parsers
from services.scraper.domain.pages import Fetched, Reading
from services.scraper.settings import ScraperSettings
from shared.counting import count_words
from shared.errors import PageUnusable


@dataclass(frozen=True)
class SavedPage:
    """One page of a manifest; a file that is not absolute is looked for beside the manifest."""

    id: str
    url: str | None
    file: Path


@command(anywhere=True)
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--url", default="", callback=an_address, help="Where the page came from; some sites are read in their own way."
)
@click.option(
    "--manifest",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help='Many pages: [{"id", "url", "file"}].',
)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help='Where their texts go: {"id": text}.')
@told
def extract(around: Surroundings, file: Path | None, url: str, manifest: Path | None, out: Path | None) -> int:
    """Extract the content of a saved page, or of all in a manifest; a page that cannot be read has an empty text."""
    if manifest is not None and out is not None and file is None:
        return _many(manifest, out)
    if file is None or manifest is not None or out is not None:
        raise click.UsageError("Give a FILE, or --manifest with --out.")
    (reading,) = asyncio.run(_read([(file, url)]))
    return _show(reading, as_json=around.as_json)


def _many(manifest: Path, out: Path) -> int:
    try:
        pages = TypeAdapter(list[SavedPage]).validate_json(manifest.read_bytes())
    except ValidationError as error:
        raise click.UsageError(f'{manifest} is not a list of {{"id", "url", "file"}}: {error}') from error
    readings = asyncio.run(_read([(manifest.parent / page.file, page.url or "") for page in pages]))
    texts = {page.id: _text(reading) for page, reading in zip(pages, readings, strict=True)}
    out.write_text(json.dumps(texts, ensure_ascii=False), encoding="utf-8")
    unread = sum(isinstance(reading, Exception) for reading in readings)
    click.echo(f"{len(pages)} pages extracted, {unread} of them unreadable", err=True)
    return 0


async def _read(pages: Sequence[tuple[Path, str]]) -> list[Reading | PageUnusable | OSError]:
    """Each page's reading, or why there is none; in the scraper's own parser processes, under its limits."""
    limits = ScraperSettings.read().parser_limits()
    processes = min(os.cpu_count() or 1, len(pages))
    async with Parsers(limits, processes=processes) as parsers, asyncio.TaskGroup() as tasks:
        slots = asyncio.Semaphore(2 * max(1, processes))  # so many pages are in memory at once
        readings = [tasks.create_task(_read_one(parsers, slots, file, url)) for file, url in pages]
    return [reading.result() for reading in readings]


async def _read_one(
    parsers: Parsers, slots: asyncio.Semaphore, file: Path, url: str
) -> Reading | PageUnusable | OSError:
    async with slots:
        try:
            body = await asyncio.to_thread(file.read_bytes)
            return (await parsers.read(Fetched(url=url, status=200, media_type="", body=body), asked=url))[0]
        except (PageUnusable, OSError) as error:
            return error


def _text(reading: Reading | PageUnusable | OSError) -> str:
    return reading.extracted.text if isinstance(reading, Reading) else ""


def _show(reading: Reading | PageUnusable | OSError, *, as_json: bool) -> int:
    if not isinstance(reading, Reading):
        raise reading
    found = reading.extracted
    words = count_words(found.text)
    if as_json:
        print_json(asdict(found) | {"words": words})
        return 0
    facts = {name: value for name, value in asdict(found).items() if name not in ("text", "links")}
    print_facts({**facts, "links": len(found.links), "words": words})
    click.echo(f"\n{found.text}")
    return 0
