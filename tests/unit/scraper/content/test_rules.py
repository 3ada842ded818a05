"""The rules one by one: furniture by its names, clutter by its shape, and when a page is more than its article."""

import pytest

from services.scraper.domain.content.extracting import extract_page
from services.scraper.domain.content.furniture import without_furniture
from services.scraper.domain.content.tidying import tidy
from services.scraper.domain.content.tree import Element
from tests.unit.scraper.content.pages import PROSE, body, page, paragraphs

LINKS = "".join(f"<a href='/{n}'>Another page of ours</a> " for n in range(10))


def whole(html: str, *, keep_comments: bool = False) -> str:
    return without_furniture(body(html), keep_comments=keep_comments).text()


def tidied(html: str) -> Element:
    tree = body(html)
    tidy(tree)
    return tree


def test_remarks_are_furniture_however_long_but_on_a_page_that_consists_of_them() -> None:
    html = f"{paragraphs(6)}<div class='comments'><p>First! {PROSE}</p></div>"

    assert "First!" not in whole(html)
    assert "First!" in whole(html, keep_comments=True)


@pytest.mark.parametrize("name", ["comments", "cookie-banner", "newsletterSignup", "related_posts", "reviews"])
def test_a_name_that_leaves_no_doubt_counts_even_for_prose(name: str) -> None:
    assert "First!" not in whole(f"{paragraphs(4)}<div class='{name}'><p>First! {PROSE}</p></div>")


@pytest.mark.parametrize("name", ["sidebar-layout", "dropdown", "drawer", "share-price-report"])
def test_a_name_that_misleads_does_not_count_for_prose(name: str) -> None:
    assert "First!" in whole(f"{paragraphs(4)}<div class='{name}'><p>First! {PROSE * 4}</p></div>")


def test_names_count_as_words_and_not_as_parts_of_words() -> None:
    assert "Keep" in whole(f"{paragraphs(4)}<div class='navigator shareholders overflow-hidden'>Keep</div>")


def test_the_part_that_a_page_calls_its_main_one_is_taken_when_it_has_most_of_the_text() -> None:
    assert "Elsewhere" not in whole(f"<div>Elsewhere</div><main>{paragraphs(4)}</main>")
    assert "part 3" in whole(f"<div>{paragraphs(4)}</div><main>{PROSE}</main>")


def test_share_buttons_and_lists_of_links_are_clutter_in_an_article() -> None:
    tree = tidied(f"{paragraphs(3)}<span class='share'>Tell everybody</span><div><p>{LINKS}</p></div>")

    assert tree.chars == len("".join(tree.texts()))
    assert "everybody" not in tree.text()
    assert "Another page" not in tree.text()
    assert "part 2" in tree.text()


def test_tables_of_data_are_no_clutter_and_forms_are() -> None:
    table = f"<table><tr><th>Lease</th></tr><tr><td>{LINKS}</td></tr></table>"
    tree = tidied(f"{paragraphs(3)}{table}<form><input><input>Your mail</form>")

    assert "Another page" in tree.text()
    assert "Your mail" not in tree.text()


def parts(count: int, text: str) -> str:
    return "".join(
        f"<section><div class='part{n}'><h3>Part {n}</h3><div>{text}</div></div></section>" for n in range(count)
    )


def text_of(rest: str, head: str = "") -> str:
    article = f"<div class='intro'>{paragraphs(4)}</div>"
    return extract_page(page(f"<html><head>{head}</head><body>{article}{rest}</body></html>")).text


def test_many_headings_outside_the_article_make_a_page_of_many_parts() -> None:
    few, many = text_of(parts(5, "Short.")), text_of(parts(8, "Short."))

    assert "part 3" in few
    assert "Part 4" not in few
    assert "Part 7" in many


def test_much_prose_outside_the_article_makes_a_page_of_many_parts_unless_it_says_it_is_an_article() -> None:
    lists = "".join(f"<ul class='list{n}'><li><b>Item {n}.</b> {PROSE}</li></ul>" for n in range(5))
    marked = '<meta property="article:published_time" content="2024-03-05">'

    assert "Item 4." in text_of(f"<div class='remark'>{lists}</div>")
    assert "Item 4." not in text_of(f"<div class='remark'>{lists}</div>", head=marked)
