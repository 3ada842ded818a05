"""Main content and what a page says about itself."""

import pytest

from services.scraper.adapters.extraction import extract
from services.scraper.adapters.reading import read_page
from services.scraper.domain.pages import Fetched, Reading
from services.scraper.domain.signs import Sign

SENTENCES = [
    "A parser turns a stream of bytes into a tree that a program can walk.",
    "The first parsers were written by hand and knew one language each.",
    "Later, tables were computed from grammars, which made them fast and opaque.",
    "Today most are written by hand again, because errors must be explained.",
    "What remains of the tables is a way to think about what can follow what.",
]
ARTICLE = f"""<!doctype html>
<html lang="en-GB"><head>
<title>A short history of parsers</title>
<meta property="og:title" content="Parsers!">
<meta property="og:site_name" content="The Compiler Gazette">
<meta name="author" content="Ada Byron">
<meta name="description" content="From tables and back.">
<meta property="article:published_time" content="2024-03-05T10:00:00Z">
</head><body>
<nav><a href="/">Home</a> <a href="/about">About us</a> <a href="/jobs">Careers at the Gazette</a></nav>
<article><h1>A short history of parsers</h1>
{"".join(f"<p>{sentence} {sentence[::-1]}</p>" for sentence in SENTENCES)}
<h2>In code</h2><pre><code>def parse(text):
    return text.split("_")
</code></pre>
<ul><li>Tables are compact.</li><li>Hand-written code is clear.</li></ul></article>
<footer>Copyright, imprint, and a cookie notice nobody reads.</footer></body></html>"""


def read(body: str | bytes, media_type: str = "text/html") -> Reading:
    data = body.encode() if isinstance(body, str) else body
    page = Fetched(url="https://gazette.example/parsers", status=200, media_type=media_type, body=data)
    return read_page(page, chars=100_000)


def test_an_articles_text_comes_without_the_sites_furniture() -> None:
    text = extract(ARTICLE, "https://gazette.example/parsers").text

    assert all(sentence in text for sentence in SENTENCES)
    assert "Careers" not in text
    assert "cookie notice" not in text


def test_headings_lists_and_code_keep_their_shape() -> None:
    text = extract(ARTICLE, "https://gazette.example/parsers").text

    assert "## In code" in text
    assert "- Tables are compact." in text
    assert '    return text.split("_")' in text.splitlines()


def test_what_a_page_says_about_itself_is_read() -> None:
    found = extract(ARTICLE, "https://gazette.example/parsers")

    assert found.title == "A short history of parsers"
    assert found.author == "Ada Byron"
    assert found.published == "2024-03-05"
    assert found.language == "en-GB"
    assert found.site_name == "The Compiler Gazette"
    assert found.description == "From tables and back."


def test_a_page_without_a_title_has_the_one_it_offers_to_others() -> None:
    untitled = ARTICLE.replace("<title>A short history of parsers</title>", "<title> </title>")

    assert extract(untitled, "https://gazette.example/").title == "Parsers!"


def test_answers_of_a_question_page_are_kept_where_the_exact_extractor_loses_them() -> None:
    answers = [f"<div class='comment'><p>{s} {s[::-1]}</p></div>" for s in SENTENCES]
    page = f"<html><body><div id='question'><p>How?</p></div><div id='answers'>{''.join(answers)}</div></body></html>"

    text = extract(page, "https://questions.example/1").text

    assert all(sentence in text for sentence in SENTENCES)


def test_signs_of_markdown_in_prose_are_not_escaped() -> None:
    page = ARTICLE.replace(
        SENTENCES[0], "Call snake_case_name and 2*3 [sic] carefully; it is a tree that one can walk."
    )

    assert "snake_case_name and 2*3 [sic]" in extract(page, "https://gazette.example/").text


@pytest.mark.parametrize("html", ["", " ", "<", "<html>", "\x00", "<!doctype html><title>Only this</title>", "a" * 10])
def test_a_page_with_nothing_in_it_gives_nothing_and_no_error(html: str) -> None:
    assert len(extract(html, "https://a.example/").text) <= len(html)


def test_plain_text_is_its_own_content() -> None:
    text = "The first line\n\n    indented code <b>not markup</b>\n"

    assert read(text, "text/plain").extracted.text == text.strip()


def test_markdown_is_its_own_content_and_its_first_heading_the_title() -> None:
    extracted = read("Some preface.\n\n# A *guide* #\n\nText.", "text/markdown").extracted

    assert extracted.title == "A *guide*"
    assert extracted.text.startswith("Some preface.")


@pytest.mark.parametrize(("body", "title"), [(ARTICLE, "A short history of parsers"), ("Just words.", "")])
def test_an_answer_without_a_type_is_read_as_what_it_looks_like(body: str, title: str) -> None:
    assert read(body, "").extracted.title == title


def test_a_binary_under_a_pages_name_is_not_read() -> None:
    assert not read(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20).is_text


def test_signs_are_read_from_the_source() -> None:
    assert read('<html><div id="root"></div><script src=app.js></script></html>').signs == {Sign.SCRIPT_APP}


def test_a_text_is_cut_at_the_readers_limit() -> None:
    page = Fetched(url="https://a.example/", status=200, media_type="text/plain", body=b"word " * 1_000)

    assert len(read_page(page, chars=99).extracted.text) <= 99
