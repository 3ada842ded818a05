"""Which part of a page is its content: an article, or all that is not furniture."""

import pytest

from services.scraper.domain.content.extracting import extract_page
from tests.unit.scraper.content.pages import PROSE, page, paragraphs

FURNITURE = """
<nav><a href="/">Home</a> <a href="/jobs">Careers</a></nav>
<div class="cookie-consent">We value your privacy. <a href="/partners">Our 800 partners</a></div>
<div class="share-buttons">Tell everybody</div>
<aside>Buy a mattress</aside>
<div class="newsletter">Never miss a story. <a href="/join">Join</a></div>
"""


def text_of(html: str, url: str = "https://example.org/") -> str:
    return extract_page(page(html, url)).text


def test_an_article_comes_without_furniture_teasers_and_comments() -> None:
    teasers = "".join(f"<li><a href='/{n}'>Ten reasons to read number {n}</a></li>" for n in range(12))
    text = text_of(
        f"<body>{FURNITURE}<article><h1>Leases</h1>{paragraphs(5)}</article>"
        f"<div class='related'><ul>{teasers}</ul></div><div id='comments'><p>First! {PROSE}</p></div></body>"
    )

    assert text.count("On leases, part") == 5
    for unwanted in ("Careers", "partners", "everybody", "mattress", "Never miss", "reasons", "First!"):
        assert unwanted not in text


def test_a_page_of_many_parts_keeps_them_all() -> None:
    parts = "".join(
        f"<section><h2>Feature {n}</h2><div><p>{'Short and to the point.' if n % 2 else PROSE}</p></div></section>"
        for n in range(12)
    )
    text = text_of(f"<body>{FURNITURE}<main>{parts}</main><footer>Imprint</footer></body>")

    assert all(f"## Feature {n}" in text for n in range(12))
    assert "Careers" not in text
    assert "Imprint" not in text


def test_a_thread_keeps_its_posts() -> None:
    posts = "".join(
        f"<div class='post'><div class='name'>user{n}</div><div class='comment'><p>Reply {n}. {PROSE}</p></div></div>"
        for n in range(6)
    )
    data = '<script type="application/ld+json">{"@type": "DiscussionForumPosting"}</script>'

    text = text_of(f"<html><head>{data}</head><body>{FURNITURE}<main>{posts}</main></body></html>")

    assert all(f"Reply {n}." in text for n in range(6))


def test_what_is_shown_twice_for_two_sizes_of_screen_is_kept_once() -> None:
    parts = "".join(f"<section><h2>Plan {n}</h2><p>Plan {n}: {PROSE}</p></section>" for n in range(10))

    text = text_of(
        f"<body><main><div class='only-large'>{parts}</div><div class='only-small'>{parts}</div></main></body>"
    )

    assert text.count("Plan 3: A lease") == 1


@pytest.mark.parametrize("attribute", ["hidden", 'style="display: none"', 'aria-hidden="true"'])
def test_what_nobody_sees_is_not_read(attribute: str) -> None:
    text = text_of(f"<body><article>{paragraphs(4)}<div {attribute}><p>Trap. {PROSE}</p></div></article></body>")

    assert "Trap" not in text
    assert "part 3" in text


def test_what_a_script_would_put_in_place_or_unveil_is_read() -> None:
    streamed = f"<body><div id='root'>{PROSE * 4}</div><div hidden id='S:1'>{paragraphs(4)}</div></body>"
    veiled = f"<body><div style='display:none'>{paragraphs(4)}</div></body>"

    assert "part 3" in text_of(streamed)
    assert "part 3" in text_of(veiled)


def test_content_for_readers_without_scripts_is_read_when_there_is_no_other() -> None:
    assert "part 3" in text_of(f"<body><div id='app'></div><noscript><div>{paragraphs(4)}</div></noscript></body>")
    warned = f"<body>{paragraphs(4)}<noscript><p>Please enable JavaScript.</p></noscript></body>"
    assert "JavaScript" not in text_of(warned)


def test_an_article_that_is_only_in_the_pages_data_is_taken_from_there() -> None:
    data = f'<script type="application/ld+json">{{"@type": "NewsArticle", "articleBody": "{PROSE * 3}"}}</script>'

    assert text_of(f"<html><head>{data}</head><body><div>Loading</div></body></html>") == (PROSE * 3).strip()


def test_the_title_is_not_repeated_and_pointers_elsewhere_are_left_out() -> None:
    text = text_of(
        "<html><head><title>How leases work | The Gazette</title></head><body><article><h1>How leases work</h1>"
        f"{paragraphs(3)}<p>ADVERTISEMENT</p><p>Read more: ten queues</p><p>© 2026 The Gazette</p></article></body>"
    )

    assert not text.startswith("#")
    for unwanted in ("ADVERTISEMENT", "ten queues", "Gazette"):
        assert unwanted not in text


def test_furnitures_names_do_not_take_away_prose() -> None:
    text = text_of(f"<body><main><div class='drawer-layout'>{paragraphs(6)}</div></main></body>")

    assert text.count("On leases, part") == 6


def test_a_short_page_is_read_as_far_as_it_goes() -> None:
    assert text_of("<body><p>Back at nine.</p></body>") == "Back at nine."
