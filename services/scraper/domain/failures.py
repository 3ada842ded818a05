"""Verdicts that end a bookmark's try, as the errors the ledger and the user are told."""

from collections.abc import Mapping

from yarl import URL

from services.scraper.domain.gate import SCANNED, Judgement, Verdict
from services.scraper.domain.pages import Extracted
from shared.errors import FleetError, PageBlocked, PageEmpty, PageGone, PageRefused, PageUnreachable, PageUnusable


class Unfit(Exception):
    """An answer that is not the bookmarked page, and what could be seen of the page all the same."""

    def __init__(self, judgement: Judgement, seen: Extracted | None = None) -> None:
        super().__init__(judgement.evidence)
        self.judgement, self.seen = judgement, seen


_ERRORS: Mapping[Verdict, tuple[type[FleetError], str]] = {
    Verdict.GONE: (PageGone, "{host} says the page does not exist."),
    Verdict.SOFT_404: (PageGone, "{host} says the page does not exist."),
    Verdict.UNAVAILABLE: (PageUnreachable, "{host} could not answer just now ({evidence})."),
    Verdict.NOT_TEXT: (PageUnusable, "{host} sent {evidence} instead of a page of text."),
    Verdict.LOGIN: (PageRefused, "{host} shows the page only to people who are signed in."),
    Verdict.PAYWALL: (PageRefused, "{host} shows the page only to people who pay for it."),
    Verdict.CHALLENGE: (PageBlocked, "{host} asked for proof of being human instead of showing the page."),
    Verdict.BLOCKED: (PageBlocked, "{host} refused to hand the page to us ({evidence})."),
    Verdict.THIN: (PageEmpty, "The page on {host} has no text, or shows it only with JavaScript."),
}


def error_of(judgement: Judgement, *, url: str) -> FleetError:
    """The error for an answer that cannot be used; its verdict is any but `ok`."""
    host = URL(url).host or "The site"
    if judgement.evidence == SCANNED:
        return PageEmpty(f"The PDF file on {host} has no text in it, only pictures: a scan, perhaps.")
    kind, sentence = _ERRORS[judgement.verdict]
    return kind(sentence.format(host=host, evidence=judgement.evidence))
