"""Notices and honest pages of few words, in twenty languages, within a site's frame or alone.

Such pages have hardly anything to judge by but their words, and nobody can list those: a notice is right here when it
is not taken for the page, whatever else it is taken for.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from services.scraper.adapters.reading import read_and_judge
from services.scraper.domain.gate import Verdict
from services.scraper.domain.pages import Fetched

PAGES: list[dict[str, Any]] = json.loads(Path(__file__).with_name("small_pages.json").read_text(encoding="utf-8"))
ENOUGH = 0.95
TOP = '<header><a href="/">Site</a><nav><ul>{}</ul></nav></header>'.format(
    "".join(f'<li><a href="/{name}">{name.title()}</a></li>' for name in ("home", "news", "about", "contact"))
)
BOTTOM = '<footer><a href="/imprint">Imprint</a> <a href="/privacy">Privacy</a><p>© 2025 Site</p></footer>'


def html_of(page: dict[str, Any]) -> str:
    top, bottom = ("", "") if page.get("alone") else (TOP, BOTTOM)
    head = f'<html lang="{page.get("lang", "en")}"><head><meta charset="utf-8"><title>{page["title"]}</title>'
    head += f"{page.get('head', '')}</head>"
    return f"<!doctype html>{head}<body>{top}<main>{page['main']}</main>{bottom}</body></html>"


@pytest.fixture(scope="module")
def taken() -> list[tuple[str, Verdict]]:
    """Of each page what it is, and what it was taken for."""
    found = []
    for page in PAGES:
        answer = Fetched(page["url"], page.get("status", 200), "text/html", body=html_of(page).encode())
        _, judgement = read_and_judge(answer, asked=page.get("asked", page["url"]), chars=10_000)
        found.append((page["label"], judgement.verdict))
    return found


def test_notices_of_a_few_words_are_not_kept(taken: list[tuple[str, Verdict]]) -> None:
    notices = [verdict for label, verdict in taken if label != "ok"]

    assert len(notices) > 100
    assert sum(verdict is not Verdict.OK for verdict in notices) / len(notices) >= ENOUGH


def test_honest_pages_of_a_few_words_are_kept(taken: list[tuple[str, Verdict]]) -> None:
    pages = [verdict for label, verdict in taken if label == "ok"]

    assert len(pages) > 30
    assert sum(verdict is Verdict.OK for verdict in pages) / len(pages) >= ENOUGH
