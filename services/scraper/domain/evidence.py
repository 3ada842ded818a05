"""Evidence that a page is a notice in another page's place, for and against, in points.

One sign alone proves little: honest pages speak of log-ins and missing pages, ask for humans in a form, and are short.
Signs of different kinds together do, unless there is much prose beside them.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import urljoin, urlsplit

from services.scraper.domain import notices
from services.scraper.domain.counting import count_words
from services.scraper.domain.notices import Notice, ShortLines, wordings
from services.scraper.domain.outline import Outline
from services.scraper.domain.pages import Fetched, Reading
from services.scraper.domain.signs import Sign

ENOUGH = 4
"""Points that settle it."""

_SURE = 20
"""Points of what is proof alone."""

_SENTENCE_WORDS = 8
_SENTENCE = re.compile(r"[.!?…。！？:][\"”’»)]*$")
_FEW_LINKS = 6
_FEW_WORDS = 20
_SMALL = 90
_FIRST_HEADINGS = 2
_ALL_HEADINGS = 10
_MANY_TOPICS = 2
_TEASER_WORDS = 300
_PAID_PART_WORDS = 150
_AFTER_WALL_WORDS = 60
_LONG_SLUG = 3

_LOGIN_PATH = re.compile(
    r"/(?:(?:user|users|account|accounts|auth|member|members)/)?(?:log-?_?in|sign-?_?in|sso|oauth2?|authorize|authwall"
    r"|openid-connect|connexion|anmelden|wp-login\.php)(?:[/.?]|$)",
    re.IGNORECASE,
)
_WAY_BACK = re.compile(
    r"(?:^|&)(?:next|return\w*|redirect\w*|session_?redirect|continue|goto|dest(?:ination)?|service|from|back\w*|r|u)=",
    re.IGNORECASE,
)
_MISSING_PATH = re.compile(r"/(?:404|not-?_?found|page-?not-?found|error(?:-?404|s/404)?)(?:[/.]|$)", re.IGNORECASE)
_HOME_PATH = re.compile(
    r"/?(?:[a-z]{2}(?:[-_][a-z]{2})?/?)?(?:(?:index|home|default|start)(?:\.\w{2,5})?/?)?", re.IGNORECASE
)
_CONSENT_PLACE = re.compile(r"(?:^|[./])(?:consent|cookie-?wall|privacy-?gate)(?:[./?]|$)", re.IGNORECASE)
_REFERENCE = wordings(
    r"\b(?:ray|incident|support|reference|request|block|event) ?(?:id|#|number)\b|reference\s*#\d|your ip\b",
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


@dataclass(frozen=True)
class Sight:
    """A page with its address as asked for, and what several rules look at.

    Attributes:
        asked: the address before redirects.
    """

    page: Fetched
    reading: Reading
    asked: str

    @property
    def outline(self) -> Outline:
        """What stands where."""
        return self.reading.outline

    @cached_property
    def words(self) -> int:
        """Of the content."""
        return count_words(self.reading.extracted.text)

    @cached_property
    def prose(self) -> list[tuple[str, int]]:
        """The lines that are sentences, with their words."""
        counted = ((line, count_words(line)) for line in self.outline.lines)
        return [(line, words) for line, words in counted if words >= _SENTENCE_WORDS and _SENTENCE.search(line)]

    @cached_property
    def short_lines(self) -> ShortLines:
        """The lines in which a notice may speak."""
        return ShortLines.of(self.outline.lines)

    def prose_beside(self, notice: Notice) -> int:
        """Words of sentences that are not the notice's."""
        said = set(notice.said_in(self.short_lines))
        return sum(words for line, words in self.prose if line not in said)

    def topics_of(self, notice: Notice) -> set[str]:
        """What a small page that stands alone, without ways through a site, speaks of as the notice does."""
        if self.outline.links > _FEW_LINKS or self.is_dated or sum(words for _, words in self.prose) > _SMALL:
            return set()
        return notice.topics_in("\n".join((self.reading.extracted.title, *self.outline.lines)))

    @property
    def is_dated(self) -> bool:
        """Whether it names a date or an author, as articles do."""
        return bool(self.reading.extracted.published or self.reading.extracted.author)

    def names_of(self, notice: Notice, *, headings: int = _FIRST_HEADINGS) -> list[str]:
        """The parts of the title and the first headings that name the notice."""
        return notice.names_in(self.reading.extracted.title, self.outline.headings[:headings])

    def line_of(self, notice: Notice) -> str:
        """The first line that says what the notice says; empty when there is none."""
        return next(iter(notice.said_in(self.short_lines)), "")

    def is_bare(self, notice: Notice) -> bool:
        """Whether there is next to nothing on the page beside the notice, not even ways through a site."""
        return self.outline.links <= _FEW_LINKS and self.prose_beside(notice) < _FEW_WORDS


def of_challenge(sight: Sight) -> Iterator[Evidence]:
    """That somebody is to prove to be human first."""
    headers, signs = sight.page.headers, sight.reading.signs
    for name in _CHALLENGING_HEADERS:
        if headers.get(name, "").lower() in _CHALLENGING:
            yield Evidence(_SURE, f"the header {name}")
    if Sign.CHALLENGE in signs:
        yield Evidence(4 if sight.words < _TEASER_WORDS else 2, "the source of a challenge")
    if Sign.CAPTCHA in signs:
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
        yield Evidence(3, "the address of a form for consent")
    yield from _worded(sight, notices.CONSENT, said=1)
    yield from _bareness(sight, notices.CONSENT)


def of_login(sight: Sight) -> Iterator[Evidence]:
    """That one has to sign in first."""
    at, asked = urlsplit(sight.page.url).path, urlsplit(sight.asked).path
    if _LOGIN_PATH.search(at):
        led = not _LOGIN_PATH.search(asked) or bool(_WAY_BACK.search(urlsplit(sight.page.url).query))
        yield Evidence(_SURE if led else 1, "led to the address of a form to sign in" if led else "a form's address")
    if _LOGIN_PATH.search(urlsplit(urljoin(sight.page.url, sight.outline.sends_to)).path) and not sight.prose:
        yield Evidence(4, "a script that leads to a form to sign in")
    has_form = sight.outline.fields > 0
    yield from _worded(sight, notices.LOGIN, named=3 if has_form else 2)
    if sight.outline.passwords:
        is_all = sight.prose_beside(notices.LOGIN) < _FEW_WORDS
        yield Evidence(3 if is_all else 2, "a field for a password")
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
    names = sight.names_of(notices.PAYWALL, headings=_ALL_HEADINGS)
    if name := next((each for each in names if _is_near_the_end(sight, each)), ""):
        yield Evidence(3, f"“{_short(name)}”")
    walls = (line for line in notices.PAYWALL.said_in(sight.short_lines) if _is_near_the_end(sight, line))
    if wall := next(walls, ""):
        yield Evidence(3, f"“{_short(wall)}”")
    if sight.words < _TEASER_WORDS:
        yield Evidence(1, "short")


def of_absence(sight: Sight) -> Iterator[Evidence]:
    """That there is no such page, although the status does not say so."""
    if _is_led_home(sight):
        yield Evidence(_SURE, "led from a page's address to the site's first page")
    if _MISSING_PATH.search(urlsplit(sight.page.url).path):
        yield Evidence(3, "the address of a missing page")
    yield from _worded(sight, notices.MISSING)
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
    is_article = sight.is_dated and prose >= _FEW_WORDS
    return Evidence(-(points + is_article), f"{prose} words of prose")


def for_the_article(sight: Sight) -> Evidence:
    """What speaks against a paywall: the part that is to be paid for is there."""
    paid = sight.outline.paid_words
    if paid is not None and paid >= _PAID_PART_WORDS:
        return Evidence(-3, f"{paid} words where the page is to be paid for")
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
    if names:
        is_below = not sight.names_of(notice, headings=1)  # a page of several parts may have one about it
        yield Evidence(named - is_below + (len(names) > 1), f"titled “{_short(names[0])}”")
    if line:
        yield Evidence(said, f"“{_short(line)}”")
    elif len(topics := sight.topics_of(notice)) >= _MANY_TOPICS:
        yield Evidence(3, f"small, alone, and about {', '.join(sorted(topics)[:4])}")
    if (names or line) and not sight.outline.is_described:
        yield Evidence(1, "says nothing of itself")


def _bareness(sight: Sight, notice: Notice, *, few_links: bool = True) -> Iterator[Evidence]:
    if sight.is_bare(notice) if few_links else sight.prose_beside(notice) < _FEW_WORDS:
        yield Evidence(1, "hardly anything else")


def _is_near_the_end(sight: Sight, wall: str) -> bool:
    """Whether hardly any prose follows on a line: behind a wall there is none."""
    lines = sight.outline.lines
    at = next((place for place, line in enumerate(lines) if wall.casefold() in line.casefold().replace("’", "'")), 0)
    after = set(lines[at + 1 :])
    return sum(words for line, words in sight.prose if line in after) <= _AFTER_WALL_WORDS


def _is_led_home(sight: Sight) -> bool:
    """Whether a page was asked for and the site's first page came: what many sites do with addresses they forgot."""
    at, asked = urlsplit(sight.page.url), urlsplit(sight.asked)
    if not _HOME_PATH.fullmatch(at.path) or at.query or _HOME_PATH.fullmatch(asked.path):
        return False
    last = asked.path.rstrip("/").rpartition("/")[2]
    return _site(at.netloc) == _site(asked.netloc) or len(re.split(r"[-_]", last)) > _LONG_SLUG


def _site(netloc: str) -> str:
    return netloc.lower().removeprefix("www.")


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:59]}…"
