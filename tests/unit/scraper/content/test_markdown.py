"""A tree as text: what keeps its shape, and what does not."""

import pytest

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


@pytest.mark.parametrize(
    ("html", "language"),
    [
        ('<pre><code class="language-python">x</code></pre>', "python"),
        ('<pre class="default lang-py s-code-block"><code>x</code></pre>', "py"),
        ('<div class="highlight highlight-source-c++"><pre>x</pre></div>', "c++"),
        ('<div class="highlight-python3 notranslate"><div class="highlight"><pre>x</pre></div></div>', "python3"),
        ('<pre class="brush: js; gutter: false">x</pre>', "js"),
        ('<pre class="language-plaintext">x</pre>', ""),
        ('<div class="highlight-wrapper"><pre class="line-numbers">x</pre></div>', ""),
    ],
)
def test_code_says_what_it_is_written_in_where_its_page_does(html: str, language: str) -> None:
    assert text_of(html) == f"```{language}\nx\n```"


def test_the_numbers_of_lines_are_no_code() -> None:
    beside = "<table><tr><td class=linenos><pre>1\n2</pre></td><td><pre>a\nb</pre></td></tr></table>"

    assert text_of(beside) == "```\na\nb\n```"
    assert text_of("<pre><span class=lineno>1</span>a\n<span class=lineno>2</span>b</pre>") == "```\na\nb\n```"
    assert text_of("<div class=gutter><pre>a\nb</pre></div>") == "```\na\nb\n```"
    assert text_of("<pre>1\n2</pre>") == "```\n1\n2\n```"


def test_numbered_lists_keep_their_numbers() -> None:
    assert (
        text_of("<ol start=5><li>five<li>six<li value=10>ten<li>eleven</ol>") == "5. five\n6. six\n10. ten\n11. eleven"
    )
    assert text_of("<ol start=x><li>one<li></li><li value=''>two</ol>") == "1. one\n2. two"


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
