"""Looks as tests make them."""

from services.scraper.domain.gate import Judgement, Verdict
from services.scraper.domain.looking import Look
from services.scraper.domain.pages import Extracted, Fetched, Reading
from services.scraper.domain.signs import Sign

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
