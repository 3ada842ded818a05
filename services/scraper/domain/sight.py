"""A page as the gate looks at it: with the address that was asked for, and what several rules want to know of it."""

import re
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import unquote, urlsplit

from services.scraper.domain import notices
from services.scraper.domain.notices import SHORT, Notice, ShortLines
from services.scraper.domain.outline import Outline
from services.scraper.domain.pages import Fetched, Reading
from shared.counting import count_words

_SENTENCE_WORDS = 8
_SENTENCES = re.compile(r"(?<=[.!?…。！？])\s+")
SENTENCE = re.compile(r"[.!?…。！？:][\"”’»)]*$")
_FEW_LINKS = 6
FEW_WORDS = 20
_SMALL = 90
_EXPLANATION = 50
_FIRST_HEADINGS = 2
HEADLINE_WORDS = 12
_TELLING = 5
LONG_SLUG = 3
_LATIN = re.compile(r"[a-zß-ž]{3}")
LOGIN_PATH = re.compile(
    r"/(?:(?:user|users|account|accounts|auth|member|members)/)?(?:log-?_?in|sign-?_?in|sso|oauth2?|authorize|authwall"
    r"|auth/(?:init|start|new)|sessions?/new|idp|openid-connect|connexion|anmelden|wp-login\.php)(?:[/.?]|$)",
    re.IGNORECASE,
)
HOME_PATH = re.compile(
    r"/?(?:[a-z]{2}(?:[-_][a-z]{2})?/?)?(?:(?:index|home|default|start)(?:\.\w{2,5})?/?)?", re.IGNORECASE
)


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
    def asked_path(self) -> str:
        """Of the bookmarked address."""
        return urlsplit(self.asked).path

    @cached_property
    def words(self) -> int:
        """Of the content."""
        return count_words(self.reading.extracted.text)

    @cached_property
    def counted(self) -> list[tuple[str, int]]:
        """All lines with their words."""
        return [(line, count_words(line)) for line in self.outline.lines]

    @cached_property
    def prose(self) -> list[tuple[str, int]]:
        """The lines that are sentences, with their words."""
        return [(line, words) for line, words in self.counted if words >= _SENTENCE_WORDS and SENTENCE.search(line)]

    @cached_property
    def short_lines(self) -> ShortLines:
        """The lines in which a notice may speak; of a small page each sentence."""
        lines = [line for line, words in self.counted if words <= SHORT]
        if self.is_small:
            lines += [part for line, words in self.counted if words > SHORT for part in _SENTENCES.split(line)]
        return ShortLines(lines)

    @cached_property
    def is_small(self) -> bool:
        """Whether there is little prose, and neither date nor author nor heading to say that it is the page's."""
        return sum(words for _, words in self.prose) <= _EXPLANATION and not self.is_dated and not self.is_vouched_for

    @cached_property
    def all_together(self) -> ShortLines:
        """All that a tiny page says, as one line; nothing of other pages."""
        return ShortLines.of([" ".join(self.outline.lines)] if self.is_tiny else [])

    @cached_property
    def is_tiny(self) -> bool:
        """Whether all it says would be one short line: few pages do that anybody saves, and most notices."""
        return max(self.words, sum(words for _, words in self.counted)) <= SHORT and not self.is_dated

    @cached_property
    def headlines(self) -> ShortLines:
        """The title's parts and the first heading."""
        lines = dict.fromkeys((*notices.parts_of(self.reading.extracted.title), *self.outline.headings[:1]))
        return ShortLines.of([line for line in lines if count_words(line) <= HEADLINE_WORDS])

    def prose_beside(self, notice: Notice) -> int:
        """Words of sentences that are not the notice's."""
        if self.is_all(notice):
            return 0
        its_own = set(notice.said_in(self.short_lines))
        if self.headlines_of(notice):
            its_own.update(self.lines_of(notice))
        return sum(words for line, words in self.prose if line not in its_own)

    def is_all(self, notice: Notice) -> bool:
        """Whether the title or the first heading is the notice, so that the little that follows explains it."""
        if not self.is_small or self.is_asked_for(notice) or LOGIN_PATH.search(self.asked_path):
            return False
        return bool(self.names_of(notice, headings=1) or self.headlines_of(notice))

    def topics_of(self, notice: Notice) -> set[str]:
        """What a small page that stands alone, without ways through a site, speaks of as the notice does."""
        if self.outline.links > _FEW_LINKS or self.is_dated or sum(words for _, words in self.prose) > _SMALL:
            return set()
        return notice.topics_in(self._shown)

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

    def headlines_of(self, notice: Notice) -> list[str]:
        """The title's parts and the first heading, where they speak of what the notice speaks of."""
        return notice.spoken_in(self.headlines)

    def lines_of(self, notice: Notice) -> list[str]:
        """The lines below the headings that speak of what the notice speaks of; a tiny page's all together."""
        lines = notice.spoken_in(self.short_lines)
        if not lines:
            return notice.spoken_in(self.all_together)
        return [line for line in lines if line not in self.outline.headings]

    @cached_property
    def is_led_elsewhere(self) -> bool:
        """Whether redirects led to an address that has nothing of the bookmarked one's last part."""
        last = last_part(self.asked_path).partition(".")[0]
        return len(last) >= _TELLING and last.casefold() not in urlsplit(self.page.url).path.casefold()

    @cached_property
    def is_elsewhere(self) -> bool:
        """Whether the bookmarked address is made of words of which not one is on the page, nor how one begins."""
        if HOME_PATH.fullmatch(self.asked_path):
            return False
        words = set(re.findall(r"[^\W\d_]{4,}", last_part(self.asked_path).partition(".")[0].casefold()))
        shown = self._shown.casefold()
        if not _LATIN.search(shown):
            return False  # an address in other letters than its page's has none of its words
        return len(words) >= (LONG_SLUG - self.is_tiny) and not any(word[:_TELLING] in shown for word in words)

    @cached_property
    def is_doubtful(self) -> bool:
        """Whether it is tiny and nothing on it vouches for its being what was asked for.

        A word of its address would, a title of what it says, or that it describes itself. One without a title promises
        nothing that could be compared.
        """
        if (
            not (self.is_tiny and self.reading.extracted.title)
            or self.outline.is_described
            or HOME_PATH.fullmatch(self.asked_path)
        ):
            return False
        if self.is_elsewhere:
            return True
        shown = self._shown.casefold()
        return not self._is_titled and not any(word[:_TELLING] in shown for word in self._last_words)

    @cached_property
    def is_vouched_for(self) -> bool:
        """Whether the title or a heading has a word of the bookmarked address's last part."""
        named = "\n".join((self.reading.extracted.title, *self.outline.headings)).casefold()
        return any(word[:_TELLING] in named for word in self._last_words)

    @cached_property
    def _shown(self) -> str:
        """The title and all lines."""
        return "\n".join((self.reading.extracted.title, *self.outline.lines))

    @property
    def _last_words(self) -> list[str]:
        return re.findall(r"[^\W_]{3,}", last_part(unquote(self.asked_path)).casefold())

    @property
    def _is_titled(self) -> bool:
        """Whether its title is of what it says: a heading too, or half in its lines, leaving out a site's name."""
        title = self.reading.extracted.title.casefold()
        if set(map(str.casefold, self.outline.headings)) & {title, *notices.parts_of(title)}:
            return True
        host, said = urlsplit(self.page.url).netloc.casefold(), "\n".join(self.outline.lines).casefold()
        words = {word for word in re.findall(r"[\w.]{2,}", title) if word not in host}
        return 0 < len(words) <= 2 * sum(word in said for word in words)

    def is_asked_for(self, notice: Notice) -> bool:
        """Whether the bookmarked address itself names what the page names: a page about it."""
        asked = self.asked_path.casefold()
        if LOGIN_PATH.search(asked):
            return False
        address = set(re.findall(r"[^\W_]+", asked))
        named = (_long_words(name) for name in (*self.names_of(notice), self.line_of(notice)))
        headed = (_long_words(headline) for headline in self.headlines_of(notice))
        return any(_is_within(words, address) for words in named) or any(
            _is_whole_in(words, address) for words in headed
        )

    def is_bare(self, notice: Notice) -> bool:
        """Whether there is next to nothing on the page beside the notice, not even ways through a site."""
        return self.outline.links <= _FEW_LINKS and self.prose_beside(notice) < FEW_WORDS


def last_part(path: str) -> str:
    """What follows on a path's last slash but one at its end."""
    return path.rstrip("/").rpartition("/")[2]


def _long_words(text: str) -> set[str]:
    return set(re.findall(r"\w{3,}", text.casefold()))


def _is_within(words: set[str], address: set[str]) -> bool:
    """Whether half of the words, or a status among them, are in an address."""
    return _has_status(words & address) or 0 < len(words) <= 2 * len(words & address)


def _is_whole_in(words: set[str], address: set[str]) -> bool:
    """Whether all of the words, or a status among them, are in an address."""
    return _has_status(words & address) or (bool(words) and words <= address)


def _has_status(words: set[str]) -> bool:
    return any(re.fullmatch(r"e?[45]\d\d", word) for word in words)
