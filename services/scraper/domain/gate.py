"""The gate: whether what came back is the page that was bookmarked, or something a site shows in its place.

It trusts a page that has an article's worth of text, and looks for signs of something else in a short one.
"""

import re
from dataclasses import dataclass, replace
from enum import StrEnum

from yarl import URL

from services.scraper.domain.pages import Fetched, Reading
from services.scraper.domain.signs import Sign

THIN_WORDS = 30
"""Fewer words than this are thin: a shell, a notice, or a very short page."""

SHELL_WORDS = 80
"""A page with an empty place for its content, or a request to switch JavaScript on, and fewer words is a shell."""

EMPTY_WORDS = 5
"""Fewer words than this are nothing to analyse."""

SHORT_WORDS = 150
"""A page of fewer words may be a notice in the page's place; one of more is believed."""

TEASER_WORDS = 300
"""A page that says it must be paid for and has fewer words shows only how it begins."""


class Verdict(StrEnum):
    """What an answer turned out to be."""

    OK = "ok"
    THIN = "thin"
    BLOCKED = "blocked"
    CHALLENGE = "challenge"
    LOGIN = "login"
    PAYWALL = "paywall"
    SOFT_404 = "soft-404"
    NOT_TEXT = "not-text"
    GONE = "gone"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict and what it rests on, in a few words for operators.

    Attributes:
        needs_browser: a browser may well be shown more: the page is put together by scripts, or we were turned away.
    """

    verdict: Verdict
    evidence: str
    needs_browser: bool = False


_ERROR = 400
_SERVER_ERROR = 500
_GONE = frozenset({404, 410})
_BUSY = frozenset({408, 425, 429})
_BY_STATUS = {401: Verdict.LOGIN, 407: Verdict.LOGIN, 402: Verdict.PAYWALL}

_CJK = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_CHALLENGE_WORDS = re.compile(
    r"just a moment\b|checking (?:if the site connection is secure|your browser)|verify(?:ing)? (?:that )?you are"
    r" (?:a )?human|are you a robot|unusual traffic|complete the security check|pardon our interruption"
    r"|ddos protection by",
    re.IGNORECASE,
)
_BLOCKED_WORDS = re.compile(
    r"access (?:to this page has been )?denied|you have been blocked|request (?:was )?blocked|403 forbidden"
    r"|not available in your (?:country|region)|attention required!",
    re.IGNORECASE,
)
_LOGIN_WORDS = re.compile(
    r"^(?:please )?(?:log|sign)[ -]?in\b|(?:log|sign) in (?:to (?:continue|view|see|your)|or sign up)"
    r"|you (?:must|need to) (?:be logged in|log in|sign in)",
    re.IGNORECASE,
)
_PAYWALL_WORDS = re.compile(
    r"subscribe (?:now )?to (?:continue|keep|read)|(?:already a|for) subscribers? only|to continue reading"
    r"|this (?:article|content|story) is for (?:paying |paid )?(?:subscribers|members)",
    re.IGNORECASE,
)
_SCRIPT_WORDS = re.compile(
    r"(?:enable|activate|turn on|switch on|requires?|needs?) javascript|without javascript"
    r"|javascript (?:is (?:disabled|required)|aktivieren)",
    re.IGNORECASE,
)
_GONE_WORDS = re.compile(
    r"^\W*(?:error )?404\b|page (?:could )?not (?:be )?found"
    r"|page (?:you (?:requested|are looking for) )?(?:does not|doesn't|no longer) exists?"
    r"|seite nicht gefunden|page introuvable|p[áa]gina no encontrada",
    re.IGNORECASE,
)
_LOGIN_PATH = re.compile(r"/(?:log-?in|sign-?in|sso|oauth2?|authorize)(?:[/.?]|$)", re.IGNORECASE)


def judge(page: Fetched, reading: Reading) -> Judgement:
    """What an answer is, from its status, its type, its text's length, and clear signs."""
    if not page.is_readable or not reading.is_text:
        return Judgement(Verdict.NOT_TEXT, page.media_type or "unnamed binary")
    words = count_words(reading.extracted.text)
    judgement = (
        _challenge(page, reading, words)
        or _by_status(page)
        or _notice(page, reading, words)
        or _paywall(reading, words)
        or _by_length(words)
    )
    return replace(judgement, needs_browser=_needs_browser(judgement, reading, words))


def count_words(text: str) -> int:
    """Words of a text; in scripts without spaces two characters count as one."""
    unspaced = len(_CJK.findall(text))
    return len(_CJK.sub(" ", text).split()) + unspaced // 2 if unspaced else len(text.split())


def _challenge(page: Fetched, reading: Reading, words: int) -> Judgement | None:
    if page.headers.get("cf-mitigated") == "challenge":
        return Judgement(Verdict.CHALLENGE, "cf-mitigated header")
    if words >= SHORT_WORDS:
        return None
    if _CHALLENGE_WORDS.search(_seen(reading)):
        return Judgement(Verdict.CHALLENGE, "challenge words")
    if Sign.CHALLENGE in reading.signs and (words < THIN_WORDS or page.status >= _ERROR):
        return Judgement(Verdict.CHALLENGE, "challenge script")
    return None


def _by_status(page: Fetched) -> Judgement | None:
    status = page.status
    if status < _ERROR:
        return None
    if status in _GONE:
        return Judgement(Verdict.GONE, f"status {status}")
    if status in _BUSY or status >= _SERVER_ERROR:
        return Judgement(Verdict.UNAVAILABLE, f"status {status}")
    return Judgement(_BY_STATUS.get(status, Verdict.BLOCKED), f"status {status}")


def _notice(page: Fetched, reading: Reading, words: int) -> Judgement | None:
    """A short page that is something else than what was bookmarked."""
    if words >= SHORT_WORDS:
        return None
    seen = _seen(reading)
    if _GONE_WORDS.search(seen):
        return Judgement(Verdict.SOFT_404, "words of a missing page")
    if _BLOCKED_WORDS.search(seen):
        return Judgement(Verdict.BLOCKED, "words of a refusal")
    if Sign.PASSWORD_FIELD in reading.signs or _LOGIN_WORDS.search(seen):
        return Judgement(Verdict.LOGIN, "a short page with a form or words to sign in")
    if words < THIN_WORDS and _LOGIN_PATH.search(URL(page.url).path):
        return Judgement(Verdict.LOGIN, "the address of a form to sign in")
    return None


def _paywall(reading: Reading, words: int) -> Judgement | None:
    if words < TEASER_WORDS and Sign.PAYWALL in reading.signs:
        return Judgement(Verdict.PAYWALL, "marked as not free, and short")
    if words < TEASER_WORDS and _PAYWALL_WORDS.search(reading.extracted.text):
        return Judgement(Verdict.PAYWALL, "words of a paywall, and short")
    return None


def _by_length(words: int) -> Judgement:
    return Judgement(Verdict.OK if words >= THIN_WORDS else Verdict.THIN, f"{words} words")


def _needs_browser(judgement: Judgement, reading: Reading, words: int) -> bool:
    match judgement.verdict:
        case Verdict.CHALLENGE | Verdict.BLOCKED:
            return True
        case Verdict.OK | Verdict.THIN:
            is_shell = Sign.SCRIPT_APP in reading.signs or _SCRIPT_WORDS.search(_seen(reading)) is not None
            return (is_shell and words < SHELL_WORDS) or (Sign.SCRIPTS in reading.signs and words < THIN_WORDS)
        case _:
            return False


def _seen(reading: Reading) -> str:
    return f"{reading.extracted.title}\n{reading.extracted.text}"
