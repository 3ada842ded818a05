"""Content for bookmarks whose page could not be read."""

from dataclasses import replace

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


def refused(verdict: Verdict, seen: Extracted = SEEN) -> PageRefused:
    error = PageRefused("blog.example refused.")
    error.__cause__ = Unfit(Judgement(verdict, "a sign"), seen)
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


@pytest.mark.parametrize("verdict", [Verdict.LOGIN, Verdict.BLOCKED, Verdict.CHALLENGE])
@pytest.mark.parametrize(
    "seen",
    [
        Extracted(text="Members only.", title="A fast parser | Blog", description="How it came to be."),
        Extracted(
            text="A form.", title="Log in | Blog", offered_title="A fast parser", description="How it came to be."
        ),
    ],
)
def test_a_notice_that_bears_the_pages_own_title_and_teaser_tells_them_and_no_more(
    verdict: Verdict, seen: Extracted
) -> None:
    content = fallback_content(bookmark(), refused(verdict, seen))

    assert content.title in ("A fast parser | Blog", "A fast parser")
    assert content.description == "How it came to be."
    assert seen.text not in content.text


@pytest.mark.parametrize(
    ("title", "description", "site_name"),
    [
        ("Just a moment...", "", None),
        ("Log in | Blog", "Log in to continue reading.", "Blog"),
        ("Sign in - a fast parser", "", None),
        ("Blog", "The blog.", "Blog"),
        ("blog.example", "", None),
        ("Access denied | blog.example used Cloudflare to restrict access", "", None),
        ("Welcome back to our community", "Good to see you.", None),
        ("404", "", None),
    ],
)
@pytest.mark.parametrize("verdict", [Verdict.LOGIN, Verdict.BLOCKED])
def test_a_notices_own_title_says_nothing_of_the_page(
    verdict: Verdict, title: str, description: str, site_name: str | None
) -> None:
    seen = Extracted(text="x", title=title, offered_title=title, description=description, site_name=site_name)

    content = fallback_content(bookmark(), refused(verdict, seen))

    assert (content.title, content.description, content.site_name) == ("a fast parser", "", None)


def test_what_the_teaser_of_a_notice_asks_for_is_not_kept_although_its_title_is() -> None:
    seen = Extracted(title="A fast parser", description="Log in to continue.")

    content = fallback_content(bookmark(), refused(Verdict.LOGIN, seen))

    assert (content.title, content.description) == ("A fast parser", "")


@pytest.mark.parametrize("title", ["Loading...", "React App", "blog.example", "Subscribe to continue reading | Blog"])
def test_a_title_that_names_no_page_gives_way_to_the_one_offered_or_the_words_of_the_address(title: str) -> None:
    named = refused(Verdict.THIN, Extracted(title=title, offered_title="The parser"))
    nameless = refused(Verdict.PAYWALL, Extracted(text="It begins.", title=title))

    assert fallback_content(bookmark(), named).title == "The parser"
    assert fallback_content(bookmark(), nameless).title == "a fast parser"


RICH = Extracted(
    text="The first lines.", title="Worth paying", description="A teaser.", image="https://a.example/1.png"
)


def test_a_later_try_that_sees_more_makes_fallback_content_better() -> None:
    before = fallback_content(bookmark(tags=("parsing",)), PageUnreachable("No."))

    content = fallback_content(bookmark(tags=("parsing",)), refused(Verdict.PAYWALL, RICH), before=before)

    assert content == fallback_content(bookmark(tags=("parsing",)), refused(Verdict.PAYWALL, RICH))
    assert (content.title, content.image) == ("Worth paying", "https://a.example/1.png")


def test_a_later_try_that_sees_less_takes_nothing_from_it_but_says_how_it_went() -> None:
    before = fallback_content(bookmark(), refused(Verdict.PAYWALL, RICH))

    content = fallback_content(bookmark(), PageUnreachable("No."), before=before)

    assert content == replace(before, verdict="page_unreachable")


def test_each_of_two_tries_that_saw_different_things_adds_its_own() -> None:
    titled = fallback_content(bookmark(), refused(Verdict.THIN, Extracted(title="Worth it", author="Ada")))
    other = Extracted(text=" ".join(["Some", "words"] * 20), image="https://a.example/1.png")

    content = fallback_content(bookmark(), refused(Verdict.THIN, other), before=titled)

    assert (content.title, content.author, content.image) == ("Worth it", "Ada", "https://a.example/1.png")
    assert content.text.startswith("Worth it\n\nSome words")


def test_a_title_made_of_the_address_gives_way_to_the_one_its_owner_gives_it_later() -> None:
    before = fallback_content(bookmark(), PageUnreachable("No."))

    assert fallback_content(bookmark(title="Mine"), PageUnreachable("No."), before=before).title == "Mine"


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
