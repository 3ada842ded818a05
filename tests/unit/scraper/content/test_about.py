"""What a page says about itself, wherever it says it."""

import pytest

from services.scraper.domain.content.about import About, Kind, about
from tests.unit.scraper.content.pages import page


def said(head: str, body: str = "", url: str = "https://gazette.example/a") -> About:
    return about(page(f"<html><head>{head}</head><body>{body}</body></html>", url))


def data(json: str) -> str:
    return f'<script type="application/ld+json">{json}</script>'


@pytest.mark.parametrize(
    "head",
    [
        '<meta name="author" content="By Ada Byron">',
        data('{"@type": "NewsArticle", "author": {"@type": "Person", "name": "Ada Byron"}}'),
        data('{"@graph": [{"@type": ["BlogPosting"], "author": [{"name": "Ada Byron"}, {"name": "B"}]}]}'),
        '<meta property="article:author" content="https://s.ex/"><meta name="twitter:creator" content="Ada Byron">',
    ],
)
def test_the_author_is_found(head: str) -> None:
    assert said(head).author == "Ada Byron"


def test_the_author_in_the_text_is_found() -> None:
    marked = '<span itemprop="author"><a href="/ada"><span itemprop="name">Ada Byron</span></a></span>'

    assert said("", marked).author == "Ada Byron"
    assert said("", '<a rel="author" href="/ada">Ada Byron</a>').author == "Ada Byron"


@pytest.mark.parametrize(
    "written",
    [
        "2024-03-05",
        "2024-03-05T10:00:00+01:00",
        "20240305",
        "2024/3/5",
        "March 5, 2024",
        "5 Mar 2024",
        "Tue, 05 Mar 2024 10:00:00 GMT",
    ],
)
def test_a_date_is_read_however_it_is_written(written: str) -> None:
    assert said(f'<meta property="article:published_time" content="{written}">').published == "2024-03-05"


@pytest.mark.parametrize("written", ["soon", "2024-13-45", "", "99999"])
def test_what_is_no_date_is_none(written: str) -> None:
    assert said(f'<meta name="date" content="{written}">').published is None


def test_a_date_is_found_in_data_in_the_text_and_in_the_address() -> None:
    assert said(data('{"@type": "Article", "datePublished": "2024-03-05"}')).published == "2024-03-05"
    assert said("", '<time datetime="2024-03-05">yesterday</time>').published == "2024-03-05"
    assert said("", url="https://gazette.example/2024/03/05/leases").published == "2024-03-05"


def test_site_language_description_and_image_are_found() -> None:
    found = said(
        '<meta property="og:site_name" content="Gazette"><meta property="og:locale" content="en_GB">'
        '<meta property="og:description" content="On leases."><meta property="og:image" content="/lead.jpg">'
    )

    assert (found.site_name, found.language, found.description) == ("Gazette", "en_GB", "On leases.")
    assert found.image == "https://gazette.example/lead.jpg"


def test_an_image_that_is_no_web_address_is_none() -> None:
    assert said('<meta property="og:image" content="data:image/png;base64,AAAA">').image is None


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (data('{"@type": "NewsArticle"}'), Kind.ARTICLE),
        ('<meta property="article:published_time" content="2024-03-05">', Kind.ARTICLE),
        ('<meta property="og:type" content="article">', Kind.PERHAPS_ARTICLE),
        (data('{"@type": "DiscussionForumPosting"}'), Kind.DISCUSSION),
        (data('{"@type": "Product"}'), Kind.UNKNOWN),
        ("", Kind.UNKNOWN),
    ],
)
def test_a_page_says_what_it_is(head: str, kind: Kind) -> None:
    assert said(head).kind is kind


@pytest.mark.parametrize("broken", ["{", "[" * 100_000, '"text"', "null", '{"@type": 7, "author": {"name": {}}}'])
def test_broken_data_is_passed_over(broken: str) -> None:
    assert said(data(broken), url="http://[broken").author is None
