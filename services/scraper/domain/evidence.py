"""Evidence that a page is a notice in another page's place, for and against, in points.

One sign alone proves little: honest pages speak of log-ins and missing pages, ask for humans in a form, and are short.
Signs of different kinds together do, unless there is much prose beside them.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from services.scraper.domain import notices
from services.scraper.domain.notices import Notice, ShortLines
from services.scraper.domain.sight import (
    FEW_WORDS,
    HEADLINE_WORDS,
    HOME_PATH,
    LOGIN_PATH,
    LONG_SLUG,
    SENTENCE,
    Sight,
    last_part,
)
from services.scraper.domain.signs import Sign
from services.scraper.domain.stems import ADDRESSED, PRICE, REMAINING
from services.scraper.domain.wording import wordings
from shared.counting import count_words

ENOUGH = 4
"""Points that settle it."""

_SURE = 20
"""Points of what is proof alone."""

_ALL_HEADINGS = 10
_ERROR = 400
_BUTTON_WORDS = 6
_PARAGRAPH_WORDS = 15
_MANY_TOPICS = 2
_TEASER_WORDS = 300
_PAID_PART_WORDS = 150
_BEGINNING_WORDS = 120
_AFTER_WALL_WORDS = 60

_BY_ANOTHER = wordings(
    r"\b(?:with|mit|über|avec|con|com|med|met|via|przez|через|ile)\s+(?:your )?(?:google|apple|facebook|microsoft"
    r"|git(?:hub|lab)|linkedin|sso|twitter|x|amazon|yandex|vk|okta|orcid|a passkey|passkey)\b"
    r"|\b(?:google|apple|facebook|line|kakao|naver|yahoo)\S{0,12}(?:ログイン|로그인|登录|続行|계속)",
)
"""Buttons to sign in by an account held elsewhere."""

_WAY_BACK = re.compile(
    r"(?:^|&)(?:next|return\w*|redirect\w*|session_?redirect|continue|goto|dest(?:ination)?|service|from|back\w*|r|u)=",
    re.IGNORECASE,
)
_SIGN_IN_HOST = re.compile(r"(?:login|log-in|signin|auth|sso|idp|identity|accounts?)\d*\.", re.IGNORECASE)
_MISSING_PATH = re.compile(
    r"/(?:404|not-?_?found|page-?not-?found|error(?:-?404|s/404)?|(?:\w+-)?(?:expired|closed|removed|unavailable|abgelaufen|expiree?|caducad[ao]))(?:[/.]|$)",
    re.IGNORECASE,
)
_PRICES_PATH = re.compile(
    r"/(?:pricing|prices|plans|preise|tarif\w*|precios|planes|prezzi|piani|pre[cç]os|planos|membership|cennik|ceník)(?:[/.]|$)",
    re.IGNORECASE,
)
_MISSING_STATE = re.compile(r"/?(?:404|410|_error|\w*not[_\- ]?found\w*)", re.IGNORECASE)
_CONSENT_PLACE = re.compile(r"(?:^|[./])(?:consent|cookie-?wall|privacy-?gate)(?:[./?]|$)", re.IGNORECASE)
_REFERENCE = wordings(
    r"\b(?:ray|incident|support|reference|request|block|event) ?(?:id|#|number)\b"
    r"(?:\W*$|\W{0,4}\w*\d)|reference\s*#\d|your ip\b",
)
_WAY_HOME = wordings(
    r"(?:go|back|return|take me|continue) (?:back )?(?:to )?(?:the )?(?:home|start|main|front|dashboard|shopping"
    r"|website)|zur(?:ück zur)? startseite|retour à l[’']accueil|página (?:inicial|principal)|トップページ|на главную"
    r"|home ?page",
)
_CHALLENGING_HEADERS = ("cf-mitigated", "x-amzn-waf-action", "x-vercel-mitigated")
_CHALLENGING = frozenset({"challenge", "captcha"})


@dataclass(frozen=True, slots=True)
class Evidence:
    """One sign: what it is worth, against the page or, below nought, for it; and what it is, in a few words."""

    points: int
    what: str


def of_challenge(sight: Sight) -> Iterator[Evidence]:
    """That somebody is to prove to be human first."""
    headers, signs = sight.page.headers, sight.reading.signs
    for name in _CHALLENGING_HEADERS:
        if headers.get(name, "").lower() in _CHALLENGING:
            yield Evidence(_SURE, f"the header {name}")
    if Sign.CHALLENGE in signs:
        yield Evidence(4 if sight.words < _TEASER_WORDS else 2, "the source of a challenge")
    if Sign.CAPTCHA in signs:
        if sight.page.status >= _ERROR or sight.is_led_elsewhere:
            yield Evidence(3, "in the place of what was asked for")
        lonely = sight.outline.fields <= 1 and sight.is_bare(notices.CHALLENGE)
        yield Evidence(3 if lonely else 1, "a CAPTCHA and nothing else" if lonely else "a CAPTCHA")
    yield from _worded(sight, notices.CHALLENGE)
    yield from _bareness(sight, notices.CHALLENGE)


def of_blocking(sight: Sight) -> Iterator[Evidence]:
    """That we were turned away."""
    yield from _worded(sight, notices.BLOCKED)
    if reference := next(iter(sight.short_lines.with_words(_REFERENCE)), ""):
        yield Evidence(2, f"a reference: “{_short(reference)}”")
    yield from _bareness(sight, notices.BLOCKED)


def of_consent(sight: Sight) -> Iterator[Evidence]:
    """That consent is asked for in the page's place."""
    at = urlsplit(sight.page.url)
    if _CONSENT_PLACE.search(f"{at.netloc}{at.path}"):
        led = not _CONSENT_PLACE.search(sight.asked)
        yield Evidence(_SURE if led else 3, "led to a form for consent" if led else "the address of a form for consent")
    yield from _worded(sight, notices.CONSENT, said=2 if sight.is_tiny else 1)
    yield from _bareness(sight, notices.CONSENT)


def of_login(sight: Sight) -> Iterator[Evidence]:
    """That one has to sign in first."""
    at, asked = urlsplit(sight.page.url).path, sight.asked_path
    if _SIGN_IN_HOST.match(urlsplit(sight.page.url).netloc) and not _SIGN_IN_HOST.match(urlsplit(sight.asked).netloc):
        yield Evidence(_SURE, "led to a host where one signs in")
    elif LOGIN_PATH.search(at):
        led = not LOGIN_PATH.search(asked) or bool(_WAY_BACK.search(urlsplit(sight.page.url).query))
        yield Evidence(_SURE if led else 1, "led to the address of a form to sign in" if led else "a form's address")
    if LOGIN_PATH.search(urlsplit(urljoin(sight.page.url, sight.outline.sends_to)).path) and not sight.prose:
        yield Evidence(4, "a script that leads to a form to sign in")
    has_form = sight.outline.fields > 0
    yield from _worded(sight, notices.LOGIN, named=3 if has_form else 2)
    if sight.outline.passwords:
        is_all = sight.prose_beside(notices.LOGIN) < FEW_WORDS
        yield Evidence(3 if is_all else 2, "a field for a password")
    if sight.outline.names and not sight.outline.passwords:
        yield Evidence(1, "a field for an account's name")
    others = [line for line in sight.short_lines.with_words(_BY_ANOTHER) if count_words(line) <= _BUTTON_WORDS]
    if others:
        yield Evidence(min(len(others), 2), f"“{_short(others[0])}”")
    yield from _bareness(sight, notices.LOGIN, few_links=False)


def of_paywall(sight: Sight) -> Iterator[Evidence]:
    """That the page shows how it begins, and the rest to those who pay."""
    outline = sight.outline
    if outline.is_free is False:
        yield Evidence(2, "its data says that it is not free")
    if outline.tier in ("locked", "metered"):
        yield Evidence(2 if outline.tier == "locked" else 1, f"its data says {outline.tier}")
    if outline.has_wall:
        yield Evidence(2, "an element named as a paywall")
    if outline.is_free is False and outline.paid_words == 0:
        yield Evidence(2, "what its data says is to be paid for is not there")
    promised = outline.promised_words
    if promised and promised >= _TEASER_WORDS and sight.words < promised // 2:
        yield Evidence(2, f"{sight.words} of {promised} words")
    if sight.words < _TEASER_WORDS:
        yield Evidence(1, "short")
    if _is_cut_off(sight):
        yield Evidence(1, "a text that breaks off")
    yield from _wall(sight)


def _wall(sight: Sight) -> Iterator[Evidence]:
    """What is said where the article stops."""
    about_cookies = notices.CONSENT.spoken_in(sight.short_lines)
    ending = [line for line in _ending(sight) if line not in about_cookies]
    names, short = sight.names_of(notices.PAYWALL, headings=_ALL_HEADINGS), ShortLines.of(ending)
    if name := next((each for each in names if _line_with(each, sight) in ending), ""):
        yield Evidence(3, f"“{_short(name)}”")
    if wall := next((line for line in notices.PAYWALL.said_in(sight.short_lines) if line in ending), ""):
        yield Evidence(3, f"“{_short(wall)}”")
    elif offers := notices.PAYWALL.spoken_in(short):
        yield Evidence(2, f"“{_short(offers[0])}”")
    elif paying := _paying_beside_little(sight, short):
        yield Evidence(2, f"little, and “{_short(paying)}”")
    if left := next((line for line in ending if _tells_what_is_left(line)), ""):
        yield Evidence(2, f"“{_short(left)}”")
    if price := next(filter(PRICE.search, ending), ""):
        yield Evidence(1, f"a price: “{_short(price)}”")


def _paying_beside_little(sight: Sight, ending: ShortLines) -> str:
    """The line that speaks of paying where hardly anything is said, or only how an article begins.

    Not where the heading speaks of it: that is what the page is about.
    """
    if notices.PAYWALL.begun_in(ShortLines.of(sight.outline.headings[:1])):
        return ""
    if sight.is_tiny:
        return next(iter(notices.PAYWALL.begun_in(sight.short_lines)), "")
    is_start = sight.words < _BEGINNING_WORDS and any(map(_tells_what_is_left, ending.lines))
    return next(iter(notices.PAYWALL.begun_in(ending)), "") if is_start else ""


def _tells_what_is_left(line: str) -> bool:
    return REMAINING.search(line) is not None and count_words(line) <= HEADLINE_WORDS


def of_absence(sight: Sight) -> Iterator[Evidence]:
    """That there is no such page, although the status does not say so."""
    if _is_led_home(sight):
        yield Evidence(_SURE, "led from a page's address to the site's first page")
    if _MISSING_PATH.search(urlsplit(sight.page.url).path) and not _MISSING_PATH.search(sight.asked_path):
        yield Evidence(3, "the address of a missing page")
    yield from _worded(sight, notices.MISSING)
    if _MISSING_STATE.fullmatch(sight.outline.state):
        yield Evidence(3, f"told programs “{_short(sight.outline.state)}”")
    if sight.outline.is_unlisted:
        yield Evidence(1, "kept from search engines")
    if home := next((line for line in sight.short_lines.with_words(_WAY_HOME) if len(line) < 60), ""):
        yield Evidence(1, f"a way out: “{_short(home)}”")
    yield from _bareness(sight, notices.MISSING, few_links=False)


def of_placeholder(sight: Sight) -> Iterator[Evidence]:
    """That nobody lives here (any more): a parked domain, a server's own first page."""
    yield from _worded(sight, notices.PLACEHOLDER, said=4, named=4)
    yield from _bareness(sight, notices.PLACEHOLDER)


def of_breakdown(sight: Sight) -> Iterator[Evidence]:
    """That the site is out of order, although the status does not say so."""
    yield from _worded(sight, notices.BROKEN, said=2)
    yield from _bareness(sight, notices.BROKEN)


def for_the_page(sight: Sight, notice: Notice) -> Evidence:
    """What speaks for the page itself: prose that is not the notice's, a date, an author."""
    prose = sight.prose_beside(notice)
    points = sum(prose >= enough for enough in (30, 80, 150, 250))
    is_article = sight.is_dated and prose >= FEW_WORDS
    is_meant = sight.is_asked_for(notice)
    is_named = sight.is_tiny and sight.is_vouched_for
    return Evidence(-(points + is_article + is_named + 3 * is_meant), f"{prose} words of prose")


def for_the_article(sight: Sight) -> Evidence:
    """What speaks against a paywall: the part that is to be paid for is there."""
    paid = sight.outline.paid_words
    if paid is not None and paid >= _PAID_PART_WORDS:
        return Evidence(-3, f"{paid} words where the page is to be paid for")
    if _PRICES_PATH.search(sight.asked_path):
        return Evidence(-3, "the address of what is to be paid")
    prose = sight.prose_beside(notices.PAYWALL)
    return Evidence(-2 if prose >= _TEASER_WORDS else 0, f"{prose} words of prose")


Against = Callable[[Sight], Iterator[Evidence]]
Plea = Callable[[Sight], Evidence]


def _plea(notice: Notice) -> Plea:
    return lambda sight: for_the_page(sight, notice)


CHARGES: Mapping[str, tuple[Against, Plea]] = {
    "challenge": (of_challenge, _plea(notices.CHALLENGE)),
    "blocked": (of_blocking, _plea(notices.BLOCKED)),
    "login": (of_login, _plea(notices.LOGIN)),
    "paywall": (of_paywall, for_the_article),
    "soft-404": (of_absence, _plea(notices.MISSING)),
    "placeholder": (of_placeholder, _plea(notices.PLACEHOLDER)),
    "consent": (of_consent, _plea(notices.CONSENT)),
    "unavailable": (of_breakdown, _plea(notices.BROKEN)),
}


def _worded(sight: Sight, notice: Notice, *, named: int = 3, said: int = 3) -> Iterator[Evidence]:
    names, line = sight.names_of(notice), sight.line_of(notice)
    headlines, spoken = sight.headlines_of(notice), sight.lines_of(notice)
    if names:
        is_below = not sight.names_of(notice, headings=1)  # a page of several parts may have one about it
        yield Evidence(named - is_below + (len(names) > 1), f"titled “{_short(names[0])}”")
    elif headlines:
        is_addressed = any(ADDRESSED.search(notices.unquoted(each)) for each in headlines)
        yield Evidence(min(named, 1 + len(headlines) + is_addressed), f"headed “{_short(headlines[0])}”")
    if line:
        yield Evidence(said, f"“{_short(line)}”")
    elif spoken:
        yield Evidence(min(said, 1 + len(spoken)), f"“{_short(spoken[0])}”")
    elif len(topics := sight.topics_of(notice)) >= _MANY_TOPICS:
        yield Evidence(3, f"small, alone, and about {', '.join(sorted(topics)[:4])}")
    if mark := notice.mark_in(sight.outline.marks):
        yield Evidence(3, f"named “{mark}” by its site")
    if (names or line or headlines or (spoken and sight.is_tiny)) and not sight.outline.is_described:
        yield Evidence(1, "says nothing of itself")
    if (names or headlines or line or spoken) and sight.is_led_elsewhere:
        yield Evidence(2 if names or headlines else 1, "not at the address that was asked for")
    if (names or headlines or line or spoken) and sight.is_elsewhere:
        yield Evidence(1, "nothing of what its address names")


def _bareness(sight: Sight, notice: Notice, *, few_links: bool = True) -> Iterator[Evidence]:
    frame_tells = few_links and not sight.is_tiny and not sight.is_all(notice)
    if sight.is_bare(notice) if frame_tells else sight.prose_beside(notice) < FEW_WORDS:
        yield Evidence(1, "hardly anything else")


def _ending(sight: Sight) -> list[str]:
    """The lines after which there is hardly any prose."""
    prose, after, ending = dict(sight.prose), 0, list[str]()
    for line in reversed(sight.outline.lines):
        ending.append(line)
        after += prose.get(line, 0)
        if after > _AFTER_WALL_WORDS:
            break
    return ending[::-1]


def _line_with(name: str, sight: Sight) -> str:
    """The first line in which a notice's name stands; empty when it is in the title alone."""
    lines = sight.outline.lines
    return next((line for line in lines if name.casefold() in line.casefold().replace("’", "'")), "")


def _is_cut_off(sight: Sight) -> bool:
    """Whether the last paragraph ends within a sentence."""
    lines = (line for line in reversed(sight.outline.lines) if not PRICE.search(line))
    paragraphs = (line for line in lines if count_words(line) >= _PARAGRAPH_WORDS)
    last = next(paragraphs, "")
    return bool(last) and (last.endswith(("…", "...")) or not SENTENCE.search(last))


def _is_led_home(sight: Sight) -> bool:
    """Whether a page was asked for and the site's first page came: what many sites do with addresses they forgot."""
    at, asked = urlsplit(sight.page.url), urlsplit(sight.asked)
    if not HOME_PATH.fullmatch(at.path) or at.query or HOME_PATH.fullmatch(asked.path):
        return False
    last = last_part(asked.path)
    return _site(at.netloc) == _site(asked.netloc) or len(re.split(r"[-_]", last)) > LONG_SLUG


def _site(netloc: str) -> str:
    return netloc.lower().removeprefix("www.")


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:59]}…"
