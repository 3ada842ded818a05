"""Content for bookmarks whose page could not be read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scraper.domain.failures import Unfit
from services.scraper.domain.fallback import fallback_content, url_words
from services.scraper.domain.gate import Judgement, Verdict
from services.scraper.domain.pages import Extracted
from shared.bookmarks import Bookmark
from shared.errors import PageRefused, PageUnreachable
from shared.values import BookmarkId, Strategy, UserId

URL = "https://blog.example/2024/07/a-fast_parser.html?id=7"
SEEN = Extracted(
    text="The first lines.", title="A page's own title", description="What it says of itself.", author="Ada"
)


def bookmark(url: str = URL, *, title: str = "", tags: tuple[str, ...] = (), excerpt: str = "") -> Bookmark:
    return Bookmark(id=BookmarkId(1), user=UserId("u"), url=url, title=title, tags=tags, excerpt=excerpt)


def refused(verdict: Verdict) -> PageRefused:
    error = PageRefused("blog.example refused.")
    error.__cause__ = Unfit(Judgement(verdict, "a sign"), SEEN)
    return error


def test_everything_its_owner_said_of_a_bookmark_is_kept() -> None:
    saved = bookmark(title="Fast parsers", tags=("parsing", "speed"), excerpt="Read before Monday.")

    content = fallback_content(saved, PageUnreachable("blog.example cannot be reached."))

    assert content.strategy is Strategy.FALLBACK
    assert content.verdict == "page_unreachable"
    assert content.title == "Fast parsers"
    assert content.text.split("\n\n") == [
        "Fast parsers",
        "Read before Monday.",
        "Tags: parsing, speed",
        "Saved from blog.example: a fast parser",
    ]
    assert content.final_url == URL


def test_a_bookmark_that_is_only_an_address_speaks_with_the_words_of_its_address() -> None:
    content = fallback_content(bookmark(), PageUnreachable("No."))

    assert content.title == "a fast parser"
    assert "blog.example" in content.text


def test_what_a_page_behind_a_paywall_says_of_itself_is_kept() -> None:
    content = fallback_content(bookmark(), refused(Verdict.PAYWALL))

    assert (content.verdict, content.title, content.author) == ("paywall", "A page's own title", "Ada")
    assert "What it says of itself." in content.text
    assert "The first lines." in content.text


@pytest.mark.parametrize("verdict", [Verdict.CHALLENGE, Verdict.LOGIN, Verdict.BLOCKED, Verdict.GONE, Verdict.SOFT_404])
def test_what_was_shown_in_a_pages_place_is_not_kept(verdict: Verdict) -> None:
    content = fallback_content(bookmark(title="Mine"), refused(verdict))

    assert content.verdict == verdict
    assert content.title == "Mine"
    assert SEEN.title not in content.text
    assert SEEN.text not in content.text


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://a.example/", ""),
        ("https://a.example/docs/getting-started", "docs getting started"),
        ("https://a.example/posts/1234/deadbeef42/Z%C3%BCrich_guide.html", "posts Zürich guide"),
        ("https://a.example/index.php", ""),
    ],
)
def test_the_words_of_an_address_are_those_a_person_would_recognise(url: str, words: str) -> None:
    assert url_words(url) == words


@given(title=st.text(), tags=st.lists(st.text()), excerpt=st.text(), path=st.text())
def test_fallback_content_is_never_empty_and_always_keepable(
    title: str, tags: list[str], excerpt: str, path: str
) -> None:
    saved = bookmark(f"https://a.example/{path}", title=title, tags=tuple(tags), excerpt=excerpt)

    content = fallback_content(saved, PageUnreachable("No."))

    assert content.title
    assert content.text
    for text in (content.title, content.text, content.description):
        assert "\x00" not in text
        text.encode()
