"""From HTML to a tree: what is kept, and what hostile markup comes to."""

import pytest

from services.scraper.adapters.in_lxml import parse
from services.scraper.domain.content.tree import Element
from tests.unit.scraper.content.pages import body


def test_blanks_are_one_but_in_code_they_stay() -> None:
    tree = body("<p>a \n\t b</p><pre>a \n  b</pre>")

    paragraph, code = tree.first("p"), tree.first("pre")
    assert paragraph is not None
    assert code is not None
    assert paragraph.children == ["a b"]
    assert code.children == ["a \n  b"]


def test_an_element_knows_how_much_text_is_within_and_how_much_of_it_is_links() -> None:
    paragraph = body("<p>1234<a href='/x'>5678</a><b>90,</b></p>").first("p")

    assert paragraph is not None
    assert (paragraph.chars, paragraph.link_chars, paragraph.commas) == (11, 4, 1)


def test_text_is_read_in_order_whatever_is_between() -> None:
    assert body("a<b>b</b>c<!-- no --><i>d</i>e<svg>no</svg>f").text() == "a b c d e f"


@pytest.mark.parametrize("html", ["", " ", "\x00", "<", "<!-- x", "<?php ?>"])
def test_nothing_is_an_empty_tree(html: str) -> None:
    assert parse(html).text() in ("", "<")


def test_deep_nesting_is_cut_and_its_text_kept() -> None:
    tree = parse("<div>" * 1_000 + "at the bottom")

    assert tree.text() == "at the bottom"
    assert _depth(tree) < 300


def _depth(tree: Element) -> int:
    return max(sum(1 for _ in each.ancestors()) for each in tree.walk())


def test_what_stands_after_the_end_of_a_page_is_part_of_its_body() -> None:
    tree = parse("<html><body><p>a</p></body></html><div>b</div> c<html><body><p>d")

    assert [each.tag for each in tree.elements()] == ["body"]
    assert tree.text() == "a b c d"


def test_a_text_is_one_whatever_entities_and_comments_divide_it() -> None:
    paragraph = parse("<p>a  &amp;\n<!-- no --> b&nbsp;c</p>").first("p")

    assert paragraph is not None
    assert paragraph.children == ["a & b\xa0c"]


def test_what_a_component_shows_by_its_shadow_root_is_part_of_the_page_and_other_templates_are_not() -> None:
    tree = parse(
        "<x-post><template shadowrootmode=open><style>p {}</style><p>shown</p></template></x-post>"
        "<template><p>kept for later</p></template><p>after</p>"
    )

    assert tree.text() == "shown after"


def test_what_stands_around_a_sound_is_read_and_what_stands_in_for_it_is_not() -> None:
    tree = parse(
        "<body><figure><audio controls src=a.mp3>No sound here.</audio><figcaption>Chain of buckets</figcaption>"
        "</figure><div><audio><source src=b.mp3></audio><p>ADA: Good evening.</p></div></body>"
    )

    assert tree.text() == "Chain of buckets ADA: Good evening."
