"""The lead image: what a page names, else the first picture of its content."""

import pytest

from services.scraper.adapters.extraction import extract
from tests.unit.scraper.content.pages import PROSE


def image(html: str, *, head: str = "") -> str | None:
    page = f"<html><head>{head}</head><body><article><p>{PROSE * 3}</p>{html}<p>{PROSE}</p></article></body></html>"
    return extract(page, "https://gazette.example/2024/dredgers").image


def test_a_page_without_pictures_has_no_lead_image() -> None:
    assert image("") is None


def test_what_a_page_names_comes_before_the_pictures_in_it() -> None:
    picture = '<img src="/in-text.jpg">'

    assert image(picture, head='<meta property="og:image" content="/named.jpg">') == "https://gazette.example/named.jpg"
    assert image(picture, head='<link rel="image_src" href="/named.jpg">') == "https://gazette.example/named.jpg"
    assert image('<img src="/lexicon.jpg">') == "https://gazette.example/lexicon.jpg"
    assert image(picture) == "https://gazette.example/in-text.jpg"


@pytest.mark.parametrize(
    "picture",
    [
        '<img src="data:image/gif;base64,R0lG" data-src="/lead.jpg">',
        '<img src="/blank.png" data-lazy-src="/lead.jpg">',
        '<img src="data:," data-original="/lead.jpg" width="640">',
        '<img data-srcset="/lead.jpg 400w, /large.jpg 800w">',
        '<img src="data:image/gif;base64,R0lG" class="lazy"><noscript><img src="/lead.jpg"></noscript>',
        '<noscript><img src="/lead.jpg"></noscript><img src="data:image/gif;base64,R0lG" class="lazy">',
    ],
)
def test_pictures_that_load_late_are_found_where_they_will_come_from(picture: str) -> None:
    assert image(f"<figure>{picture}</figure>") == "https://gazette.example/lead.jpg"


@pytest.mark.parametrize(
    "picture",
    [
        *('<img src="/counter.png" width="1" height="1">', '<img src="/avatars/ada.jpg">', '<img src="/spinner.gif">'),
        *(
            '<img src="javascript:x">',
            '<img src="http://[bad">',
            "<img>",
            '<img src="/site-logo.png">',
            '<img src="/s.jpg" width="32px">',
        ),
    ],
)
def test_symbols_faces_and_counters_lead_nothing(picture: str) -> None:
    assert image(f"<figure>{picture}</figure>") is None
