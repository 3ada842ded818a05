"""Looks as tests make them, and a Redis that is waited for."""

import pytest

from services.scraper.adapters.looks import in_redis
from services.scraper.domain.gate import Judgement, Verdict
from services.scraper.domain.looking import Look
from services.scraper.domain.pages import Extracted, Fetched, Reading
from services.scraper.domain.signs import Sign

PATIENCE_S = 30.0
"""A fleet goes on without looks that do not come at once; a test on a crowded machine needs them."""

URL = "https://site.example/posts/a-fine-page"


def look(
    text: str = "What the page says.",
    *,
    url: str = URL,
    status: int = 200,
    verdict: Verdict = Verdict.OK,
    headers: dict[str, str] | None = None,
) -> Look:
    page = Fetched(url, status, "text/html", charset="utf-8", body=b"<html>", headers=headers or {})
    return Look(page, Reading(Extracted(text, title="T"), frozenset({Sign.SCRIPTS})), Judgement(verdict, "so it looks"))


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """For every test of a module that imports it."""
    monkeypatch.setattr(in_redis, "_PATIENCE_S", PATIENCE_S)
