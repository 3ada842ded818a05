"""A tree as text: what keeps its shape, and what does not."""

from services.scraper.domain.content.markdown import blocks_of
from tests.unit.scraper.content.pages import body


def text_of(html: str) -> str:
    return "\n\n".join(blocks_of(body(html)))


def test_headings_paragraphs_and_quotes_are_marked() -> None:
    assert text_of("<h2>One <i>two</i></h2><p>Three<br>four</p><blockquote><p>five</p></blockquote>") == (
        "## One two\n\nThree\nfour\n\n> five"
    )


def test_lists_keep_their_marks_and_their_levels() -> None:
    nested = "<ul><li>one</li><li>two<ol><li>a</li><li>b</li></ol></li></ul>"

    assert text_of(nested) == "- one\n- two\n  1. a\n  2. b"


def test_code_keeps_its_lines_and_blanks_and_is_not_read_as_markup() -> None:
    assert text_of("<pre><code>if x &lt; 1:\n    <b>stop</b>()\n</code></pre>") == "```\nif x < 1:\n    stop()\n```"


def test_code_whose_lines_are_elements_keeps_them_apart() -> None:
    assert text_of("<pre><div>one</div><div>  two</div></pre>") == "```\none\n  two\n```"
    assert text_of("<pre>one<br>two</pre>") == "```\none\ntwo\n```"


def test_code_that_holds_a_fence_gets_a_longer_one() -> None:
    assert text_of("<pre>```\nx\n```</pre>").startswith("````\n")


def test_code_within_a_line_is_marked() -> None:
    assert text_of("<p>Call <code>ack()</code> once.</p>") == "Call `ack()` once."


def test_a_table_of_data_is_a_table_and_one_that_lays_out_a_page_is_not() -> None:
    data = "<table><caption>Sums</caption><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>"

    assert text_of(data) == "Sums\n\n| a | b |\n| 1 | 2 |"
    assert text_of("<table><tr><td><div>left</div></td><td><div>right</div></td></tr></table>") == "left\n\nright"


def test_blocks_within_inline_elements_stay_apart() -> None:
    assert text_of("<div><a href='/x'><h3>Title</h3><p>Teaser</p></a></div>") == "### Title\n\nTeaser"


def test_an_empty_page_is_no_text() -> None:
    assert text_of("") == ""
    assert text_of("<pre> \n </pre><ul><li></li></ul><table></table><h1></h1>") == ""
