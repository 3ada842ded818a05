"""Quality of extraction and pages a CPU second, ours and trafilatura's on the same pages in the same run.

`--data` names a folder of saved pages with their truth (MANIFEST.json, html/, gt/); none are in the repository.
Half of the pages, by a hash of their id, were looked at when the rules were made; the other half was not.
"""

import hashlib
import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from services.scraper.adapters.charset import decode
from services.scraper.adapters.extraction import extract
from tests.bench.corners import Servers
from tests.bench.measuring import Measure, Result
from tests.bench.scoring import f1, score

HALVES = ("all", "development", "held out")
ROUNDS = 2
SMALL_STEP = 10


@dataclass(frozen=True)
class SavedPage:
    id: str
    groups: tuple[str, ...]
    url: str
    html: str
    truth: dict[str, Any]

    @property
    def half(self) -> str:
        return HALVES[1 + hashlib.sha256(self.id.encode()).digest()[0] % 2]


def _pages(folder: Path) -> Iterator[SavedPage]:
    for entry in json.loads((folder / "MANIFEST.json").read_text(encoding="utf-8"))["pages"]:
        kind = entry.get("page_type") or entry.get("site")
        yield SavedPage(
            entry["id"],
            (entry["group"], f"{entry['group']}/{kind}") if kind else (entry["group"],),
            entry["url"] or "",
            decode((folder / entry["html"]).read_bytes(), declared=None),
            json.loads((folder / entry["ground_truth"]).read_text(encoding="utf-8")),
        )


def _timed(pages: Sequence[SavedPage], read: Callable[[SavedPage], str]) -> tuple[dict[str, str], float]:
    """Every page's text, and the CPU seconds it took."""
    begun = time.process_time()
    texts = {page.id: read(page) for page in pages}
    return texts, time.process_time() - begun


def _table(pages: Sequence[SavedPage], ours: dict[str, str], theirs: dict[str, str]) -> str:
    rows: dict[str, list[tuple[str, Any, Any]]] = defaultdict(list)
    for page in pages:
        scores = score(page.truth, ours[page.id]), score(page.truth, theirs[page.id])
        for group in page.groups:
            rows[group].append((page.half, *scores))
    lines = [f"{'group':<22}{'pages':>6}" + "".join(f"{half:>13}" for half in HALVES) + f"{'trafilatura':>13}"]
    columns = defaultdict(list)
    for group, scored in sorted(rows.items()):
        cells = [_f1(each for half, each, _ in scored if wanted in ("all", half)) for wanted in HALVES]
        cells.append(_f1(each for _, _, each in scored))
        lines.append(f"{group:<22}{len(scored):>6}" + "".join(f"{cell:>13.3f}" for cell in cells))
        if "/" not in group:
            columns["mean"].append(cells)
    means = [mean(column) for column in zip(*columns["mean"], strict=True)]
    return "\n".join([*lines, f"{'mean of the groups':<28}" + "".join(f"{cell:>13.3f}" for cell in means)])


def _f1(scores: Iterator[Any]) -> float:
    found = list(scores)
    return f1(found) if found else float("nan")


async def _extraction(_: Servers, *, small: bool, data: Path | None = None) -> Result:
    if data is None:
        sys.exit("Extraction is measured on saved pages: name their folder with --data DIR.")
    from trafilatura import extract as trafilatura  # noqa: PLC0415 - slow to import, and only this needs it

    pages = list(_pages(data))[:: SMALL_STEP if small else 1]
    ours_s = theirs_s = 0.0
    for _ in range(1 if small else ROUNDS):  # in turn, so that a noisy moment touches both
        ours, spent = _timed(pages, lambda page: extract(page.html, page.url).text)
        ours_s += spent
        theirs, spent = _timed(pages, lambda page: trafilatura(page.html, url=page.url or None) or "")
        theirs_s += spent
    rounds = 1 if small else ROUNDS
    sys.stdout.write(_table(pages, ours, theirs) + "\n\n")
    return Result(
        "extraction",
        rounds * len(pages) / ours_s,
        rounds * len(pages) / theirs_s,
        "pages/CPU s",
        "trafilatura.extract on the same pages",
    )


extraction = Measure("extraction", _extraction, needs_data=True)
