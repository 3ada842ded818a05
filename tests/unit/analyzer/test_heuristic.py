"""The built-in analyser: what it finds, what it leaves alone, and that nothing brings it down."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as some

from services.analyzer.domain.heuristic import HEURISTIC, read_here
from services.analyzer.domain.vocabulary import (
    CONTENT_TYPES,
    DIFFICULTIES,
    MAX_CONCEPTS,
    MAX_NAME_CHARS,
    MAX_SENTENCES_CHARS,
    MAX_SUMMARY_CHARS,
    MAX_TECHNOLOGIES,
)
from shared.bookmarks import Analysis, Bookmark, Content
from shared.values import AnalysedBy, BookmarkId, KeySource, Strategy, UserId

URL = "https://example.com/page"


def analysis_of(
    text: str, *, title: str = "", url: str = URL, tags: tuple[str, ...] = (), strategy: Strategy = Strategy.STATIC
) -> Analysis:
    bookmark = Bookmark(BookmarkId(1), UserId("ada"), url, title, tags)
    return read_here(bookmark, Content(strategy, "ok", url, title, text))


@pytest.mark.parametrize(
    ("text", "technology"),
    [
        ("Let us go to the market. Go there early, and go home late.", "Go"),
        ("In spring the swift returns, and rust covers the old gate.", "Rust"),
        ("Spring is here. Spring flowers bloom in the garden in Spring.", "Spring"),
        ("Vitamin C and vitamin D are good. Take C with meals.", "C"),
        ("Plan R is on the table. The R in the month means oysters.", "R"),
        ("A node of the tree, an express train, a flask of tea.", "Node.js"),
        ("An angular racket; she began to flutter and to jest.", "Angular"),
        ("Python bites are rare: the snake prefers to flee. A Python may grow very long.", "Python"),
        ("Java lies between Sumatra and Bali. On Java, rice grows on terraces.", "Java"),
        ("Selenium is a mineral. Selenium is found in nuts.", "Selenium"),
        ("Delphi lies below the mountain, and the Oracle spoke there. Ada, Pascal and Cassandra came along.", "Delphi"),
    ],
)
def test_everyday_words_are_no_technologies(text: str, technology: str) -> None:
    assert technology not in analysis_of(text).technologies


@pytest.mark.parametrize(
    ("text", "tags", "technology"),
    [
        ("Go code is formatted with gofmt, and a goroutine is cheap.", (), "Go"),
        ("We moved the parser to Rust; cargo builds it.", (), "Rust"),
        ("Spring beans are wired by Java annotations. Spring Boot helps.", (), "Spring"),
        ("It is written in C: malloc, a struct and a pointer to it.", (), "C"),
        ("Plots in R with ggplot2 and the tidyverse.", (), "R"),
        ("A short note.", ("rust",), "Rust"),
        ("A short note.", ("golang",), "Go"),
        ("It runs on k8s, and kubectl shows it.", (), "Kubernetes"),
        ("Postgres and its psql.", (), "PostgreSQL"),
        ("A site in C++ and .NET.", (), "C++"),
        ("A site in C++ and .NET.", (), ".NET"),
        ("State of the art: Node.js servers with docker-compose.", (), "Docker"),
    ],
)
def test_evidence_makes_a_word_a_technology(text: str, tags: tuple[str, ...], technology: str) -> None:
    assert technology in analysis_of(text, tags=tags).technologies


def test_a_mention_in_passing_on_a_long_page_is_left_out() -> None:
    text = "PostgreSQL keeps rows in pages, and PostgreSQL vacuums them. " * 40 + "Oracle people may know MySQL."

    assert analysis_of(text).technologies == ("PostgreSQL",)


@pytest.mark.parametrize(
    "text",
    [
        "Unlike MySQL, Oracle or SQL Server, PostgreSQL is a community's. PostgreSQL runs anywhere.",
        "PostgreSQL is easy for who is coming from MySQL. PostgreSQL is fun.",
        "Wir nehmen PostgreSQL statt MySQL. PostgreSQL ist frei.",
        "On prend PostgreSQL au lieu de MySQL. PostgreSQL est libre.",
    ],
)
def test_what_a_page_only_compares_with_is_not_what_it_is_about(text: str) -> None:
    assert analysis_of(text).technologies == ("PostgreSQL",)


def test_a_comparison_in_the_title_is_about_both() -> None:
    text = "GraphQL lets the client choose. REST lets the server choose. GraphQL or REST: it depends."

    assert analysis_of(text, title="GraphQL instead of REST?").technologies == ("GraphQL", "REST")


def test_a_site_named_for_what_it_is_about_says_so_and_one_that_keeps_anything_does_not() -> None:
    own = analysis_of("A framework of classes.", title="Tailwind CSS - Modern websites", url="https://tailwindcss.com/")
    kept = analysis_of("A list of birds.", title="GitHub - ada/birds: Birds", url="https://github.com/ada/birds")

    assert own.technologies == ("Tailwind CSS",)
    assert kept.technologies == ()


def test_what_carries_data_is_named_only_where_the_page_is_about_it() -> None:
    passing = "FastAPI reads JSON over HTTP. FastAPI runs on Linux. FastAPI writes JSON."
    about = "JSON has six types. A JSON text is one value. JSON knows no comments."

    assert analysis_of(passing).technologies == ("FastAPI",)
    assert analysis_of(about, title="The types of JSON").technologies == ("JSON",)


@pytest.mark.parametrize("text", ["Rust's borrow checker; Rust\u2019s crates.", "Rustで書く。Rustのcrateは速い。crate"])
def test_names_are_known_with_an_ending_and_in_writing_without_spaces(text: str) -> None:
    assert analysis_of(text).technologies == ("Rust",)


def test_titles_and_headings_weigh_more_than_the_rest() -> None:
    text = "# Vector clocks\n\nTime is subtle. Messages overtake each other, and messages get lost.\n"

    assert analysis_of(text, title="Vector clocks explained").key_concepts[0].lower() == "vector clocks"


def test_concepts_keep_capitals_that_mean_something_and_not_those_that_begin_a_sentence() -> None:
    text = (
        "Tidewater Queue tries again. Retries wait in Tidewater Queue, and retries end there. "
        "The useEffect hook waits for `tidewater`; this useEffect hook has options."
    )

    concepts = analysis_of(text).key_concepts

    assert {"Tidewater Queue", "retries", "useEffect hook"} <= set(concepts)


def test_a_latin_name_amid_writing_without_spaces_is_a_concept_of_its_own() -> None:
    concepts = analysis_of(
        "Dockerのイメージを小さくする。まずDockerで開発環境を作る。開発環境とイメージ。"
    ).key_concepts

    assert {"Docker", "開発環境", "イメージ"} <= set(concepts)


def test_markdown_and_html_do_not_reach_the_summary() -> None:
    text = "# Title\n\nThis **very important** [page](http://x.example) has a <b>bold</b> sentence to be quoted here."

    assert analysis_of(text).summary == "This very important page has a bold sentence to be quoted here."


@pytest.mark.parametrize(
    ("text", "concept"),
    [
        ("Die Datenbank speichert Zeilen, und die Datenbank sichert sie. Das ist die Datenbank.", "datenbank"),
        ("La base de données garde les lignes, et la base de données les protège.", "données"),
        ("База данных хранит строки, и база данных их защищает. Это база данных.", "база данных"),
        ("データベースは行を保存します。データベースは便利です。", "データベース"),
        ("数据库保存数据。数据库很重要。", "数据"),
    ],
)
def test_other_languages_and_scripts_have_concepts_too(text: str, concept: str) -> None:
    found = [name.lower() for name in analysis_of(text).key_concepts]

    assert any(concept in name for name in found), found


def test_a_page_that_was_not_read_says_so() -> None:
    analysis = analysis_of("", title="Rust by example", tags=("rust",), strategy=Strategy.FALLBACK)

    assert "could not be read" in analysis.learning_path
    assert "title, address and tags alone" in analysis.project_applicability
    assert analysis.technologies == ("Rust",)


def test_a_bookmark_without_any_content_is_read_all_the_same() -> None:
    analysis = read_here(Bookmark(BookmarkId(1), UserId("ada"), URL), None)

    assert analysis.content_type == "other"
    assert analysis.summary == URL


def test_it_never_pretends_to_be_somebody_else() -> None:
    analysis = analysis_of("Python and Docker.")

    assert analysis.analysed_by is AnalysedBy.HEURISTIC
    assert analysis.key_source is KeySource.NONE
    assert analysis.model == analysis.prompt_version == HEURISTIC


AWKWARD = [
    "",
    " \n\t ",
    "\x00\x01\x02",
    "```" * 1_000,
    "`" * 50_000,
    "#" * 50_000,
    "<" * 50_000,
    "[" * 20_000 + "](" * 20_000,
    "a" * 200_000,
    "a " * 100_000,
    "- \n" * 50_000,
    "." * 100_000,
    "\n" * 100_000,
    "    code\n" * 20_000,
    "i'm trying to " * 5_000,
    "we propose " * 5_000,
    "\u202e\u200b\ufeff" * 10_000,
    "😀" * 50_000,
    "数" * 50_000,
    "# abstract\n" * 5_000,
    "Wörter, " * 30_000,
]


@pytest.mark.parametrize("text", AWKWARD, ids=range(len(AWKWARD)))
def test_awkward_texts_take_little_time_and_keep_every_bound(text: str) -> None:
    began = time.process_time()

    analysis = analysis_of(text, title=text[:5_000])

    assert time.process_time() - began < 2
    assert_within_bounds(analysis)


def assert_within_bounds(analysis: Analysis) -> None:
    assert analysis.content_type in CONTENT_TYPES
    assert analysis.difficulty in DIFFICULTIES
    assert len(analysis.key_concepts) <= MAX_CONCEPTS
    assert len(analysis.technologies) <= MAX_TECHNOLOGIES
    assert all(0 < len(name) <= MAX_NAME_CHARS for name in (*analysis.key_concepts, *analysis.technologies))
    for text in (analysis.learning_path, analysis.project_applicability, analysis.skill_development):
        assert 0 < len(text) <= MAX_SENTENCES_CHARS
    assert 0 < len(analysis.summary) <= MAX_SUMMARY_CHARS


@given(text=some.text(), title=some.text(), url=some.text(), tags=some.lists(some.text(), max_size=3))
def test_any_text_at_all_is_read_within_bounds_and_always_the_same(
    text: str, title: str, url: str, tags: list[str]
) -> None:
    analysis = analysis_of(text, title=title, url=url or URL, tags=tuple(tags))

    assert_within_bounds(analysis)
    assert analysis == analysis_of(text, title=title, url=url or URL, tags=tuple(tags))
