"""The links of a content: those in its text, whole addresses, and none that leads nowhere."""

import pytest

from services.scraper.adapters.extraction import extract
from services.scraper.domain.content.links import MOST_LINKS
from shared.bookmarks import Link

PROSE = "Harbours were dredged by hand until somebody thought of buckets on a chain, and of steam. " * 4
AT = "https://gazette.example/2024/dredgers"


def links(html: str, *, head: str = "", around: str = "") -> list[tuple[str, str]]:
    article = f"<article><p>{PROSE}</p>{html}</article>"
    page = f"<html><head><title>Dredgers</title>{head}</head><body>{around}{article}</body></html>"
    return [(link.text, link.url) for link in extract(page, AT).links]


def test_links_come_in_order_with_their_words_and_whole_addresses() -> None:
    found = links('<p>See <a href="/steam">the steam age</a> and <a href="https://b.example/x?q=1#top">a list</a>.</p>')

    assert found == [("the steam age", "https://gazette.example/steam"), ("a list", "https://b.example/x?q=1#top")]


def test_the_words_of_every_link_are_in_the_text() -> None:
    page = f"""<article><h2><a href="/h">Of <em>chains</em></a></h2><p>{PROSE}</p><ul><li><a href="/li">Item</a></ul>
        <p><a href="/c"><code>dredge()</code></a>, <a href="/n">over
        two lines</a></p><blockquote><a href="/q"><p>Quoted</p></a></blockquote></article>"""
    found = extract(page, AT)

    assert [link.text for link in found.links] == ["Of chains", "Item", "dredge()", "over two lines", "Quoted"]
    assert all(link.text in found.text for link in found.links)


def test_an_address_comes_once() -> None:
    assert links('<p><a href="/a">First</a>, then <a href="/a">again</a>.</p>') == [
        ("First", "https://gazette.example/a")
    ]


def test_links_around_the_content_are_not_its_own() -> None:
    nav = '<nav><a href="/home">Home</a><a href="/about">About us</a></nav>'

    assert links('<p>By <a href="/a">chance</a>.</p>', around=nav) == [("chance", "https://gazette.example/a")]


def test_addresses_are_relative_to_what_the_page_says() -> None:
    html = '<p><a href="page">Words</a></p>'

    assert links(html, head='<base href="/deep/er/">') == [("Words", "https://gazette.example/deep/er/page")]
    assert links(html, head='<base href="http://[bad">') == [("Words", "https://gazette.example/2024/page")]


@pytest.mark.parametrize(
    "href",
    [
        *("#note", "", "  ", "javascript:alert(1)", "java\nscript:alert(1)", "data:text/html,x", "mailto:?body=x"),
        *("https://", "http://[::1", "https://ada:secret@a.example/", "/2024/dredgers#part", "file:///etc/passwd"),
    ],
)
def test_what_is_no_address_of_another_page_is_no_link(href: str) -> None:
    assert links(f'<p>Some <a href="{href}">words</a> in a sentence.</p>') == []


def test_mail_goes_to_whom_a_page_names_without_what_it_would_have_said() -> None:
    html = '<p>Write to <a href="mailto:ada@gazette.example?subject=Dredgers">the editor</a>.</p>'

    assert links(html) == [("the editor", "mailto:ada@gazette.example")]


@pytest.mark.parametrize(
    "href", ["/t?p=1&sid=0f3a", "/f?X-Amz-Signature=00ff&x=1", "/a#access_token=00ff", "/" + 2_000 * "a", "/?%74oken=1"]
)
def test_addresses_that_are_keys_or_have_no_end_are_not_kept(href: str) -> None:
    assert links(f'<p>Some <a href="{href}">words</a> in a sentence.</p>') == []


def test_pictures_that_lead_somewhere_have_no_words_and_are_left_out() -> None:
    assert links('<p><a href="/big.jpg"><img src="small.jpg" alt="A dredger"></a></p>') == []


def test_a_page_of_links_has_the_first_many() -> None:
    many = "".join(f'<li><a href="/{n}">Dredger number {n} of the fleet</a></li>' for n in range(3_000))

    found = links(f"<ul>{many}</ul>")
    assert len(found) == MOST_LINKS
    assert found[-1] == (f"Dredger number {MOST_LINKS - 1} of the fleet", f"https://gazette.example/{MOST_LINKS - 1}")


def test_sites_with_a_shape_of_their_own_have_links_too() -> None:
    page = f"""<html><body><div class="mw-parser-output" id="mw-content-text"><p>{PROSE}
        <a href="/wiki/Steam">steam</a></p></div></body></html>"""

    assert extract(page, "https://en.wikipedia.org/wiki/Dredger").links == (
        Link("steam", "https://en.wikipedia.org/wiki/Steam"),
    )


def test_what_is_left_out_of_the_text_has_no_link_either() -> None:
    assert links('<p><a href="/letter">Subscribe to our letter</a></p><p>By <a href="/a">chance</a>.</p>') == [
        ("chance", "https://gazette.example/a")
    ]
