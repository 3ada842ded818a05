"""The gate's verdicts: what a page is, from its status, type, length and signs."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scraper.domain.failures import error_of
from services.scraper.domain.gate import Judgement, Verdict, count_words, judge
from services.scraper.domain.pages import Extracted, Fetched, Reading
from services.scraper.domain.signs import Sign, signs_of
from shared.errors import Permanent, Transient

PROSE = "The quick brown fox jumps over the lazy dog and tells nobody about it. "
ARTICLE = PROSE * 30
NOTE = PROSE * 4


def page(
    *, status: int = 200, media_type: str = "text/html", url: str = "https://site.example/a", **headers: str
) -> Fetched:
    return Fetched(
        url=url,
        status=status,
        media_type=media_type,
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )


def read(text: str = "", *, title: str = "", signs: tuple[Sign, ...] = (), is_text: bool = True) -> Reading:
    return Reading(Extracted(text=text, title=title), frozenset(signs), is_text)


@pytest.mark.parametrize(
    ("fetched", "reading", "verdict"),
    [
        (page(), read(ARTICLE), Verdict.OK),
        (page(), read(NOTE), Verdict.OK),
        (page(), read("A short remark."), Verdict.THIN),
        (page(), read(""), Verdict.THIN),
        (page(media_type="image/png"), Reading(), Verdict.NOT_TEXT),
        (page(media_type="application/pdf"), Reading(), Verdict.NOT_TEXT),
        (page(), read(is_text=False), Verdict.NOT_TEXT),
        (page(status=404), read(ARTICLE), Verdict.GONE),
        (page(status=410), read(), Verdict.GONE),
        (page(status=401), read(), Verdict.LOGIN),
        (page(status=402), read(), Verdict.PAYWALL),
        (page(status=403), read(), Verdict.BLOCKED),
        (page(status=418), read(), Verdict.BLOCKED),
        (page(status=451), read(), Verdict.BLOCKED),
        (page(status=429), read(), Verdict.UNAVAILABLE),
        (page(status=500), read(), Verdict.UNAVAILABLE),
        (page(status=503), read(), Verdict.UNAVAILABLE),
        (page(status=403, cf_mitigated="challenge"), read(), Verdict.CHALLENGE),
        (page(status=503), read("Checking your browser before accessing site.example."), Verdict.CHALLENGE),
        (page(), read("Verify you are human.", title="Just a moment..."), Verdict.CHALLENGE),
        (page(status=403), read(signs=(Sign.CHALLENGE,)), Verdict.CHALLENGE),
        (page(), read(signs=(Sign.CHALLENGE,)), Verdict.CHALLENGE),
        (page(), read("Your request was blocked.", title="Access denied"), Verdict.BLOCKED),
        (page(), read("We looked everywhere.", title="404 - nothing here"), Verdict.SOFT_404),
        (page(), read("Sorry, the page you requested does not exist."), Verdict.SOFT_404),
        (page(), read("E-mail, password.", signs=(Sign.PASSWORD_FIELD,)), Verdict.LOGIN),
        (page(), read("Sign in to continue to the document."), Verdict.LOGIN),
        (page(url="https://site.example/login?next=/a"), read("Welcome"), Verdict.LOGIN),
        (page(), read(NOTE, signs=(Sign.PAYWALL,)), Verdict.PAYWALL),
        (page(), read(NOTE + "Subscribe to continue reading."), Verdict.PAYWALL),
    ],
)  # fmt: skip
def test_a_page_is_judged_by_its_status_type_length_and_signs(
    fetched: Fetched, reading: Reading, verdict: Verdict
) -> None:
    assert judge(fetched, reading).verdict is verdict


@pytest.mark.parametrize(
    "reading",
    [
        read(ARTICLE + "Checking your browser is what this article is about."),
        read(ARTICLE, title="How Access Denied pages work"),
        read(ARTICLE, title="404: the history of a number"),
        read(ARTICLE, signs=(Sign.PASSWORD_FIELD, Sign.CHALLENGE, Sign.SCRIPT_APP)),
        read(ARTICLE, signs=(Sign.PAYWALL,)),
        read(NOTE, signs=(Sign.CHALLENGE,)),
    ],
)
def test_a_page_with_an_articles_worth_of_text_is_believed(reading: Reading) -> None:
    assert judge(page(), reading).verdict is Verdict.OK


@pytest.mark.parametrize(
    ("fetched", "reading"),
    [
        (page(), read("Loading …", signs=(Sign.SCRIPT_APP,))),
        (page(), read("Home. About us. Contact. " * 10, signs=(Sign.SCRIPT_APP,))),
        (page(), read("You need to enable JavaScript to run this app.")),
        (page(), read("Bitte JavaScript aktivieren.")),
        (page(), read("Home. About us.", signs=(Sign.SCRIPTS,))),
        (page(status=403), read()),
        (page(), read("Verify you are human.", title="Just a moment...")),
    ],
)
def test_a_browser_is_asked_for_on_evidence(fetched: Fetched, reading: Reading) -> None:
    assert judge(fetched, reading).needs_browser


@pytest.mark.parametrize(
    ("fetched", "reading"),
    [
        (page(), read(ARTICLE, signs=(Sign.SCRIPT_APP, Sign.SCRIPTS))),
        (page(), read(ARTICLE + "You need to enable JavaScript to see the comments.")),
        (page(), read(NOTE, signs=(Sign.SCRIPTS,))),
        (page(), read("A short remark that is all the page has.")),
        (page(), read("")),
        (page(status=404), read(signs=(Sign.SCRIPT_APP,))),
        (page(status=500), read(signs=(Sign.SCRIPT_APP,))),
        (page(status=401), read(signs=(Sign.SCRIPT_APP,))),
        (page(media_type="image/png"), Reading()),
    ],
)
def test_no_browser_is_asked_for_without_evidence(fetched: Fetched, reading: Reading) -> None:
    assert not judge(fetched, reading).needs_browser


@pytest.mark.parametrize("verdict", [verdict for verdict in Verdict if verdict is not Verdict.OK])
def test_every_verdict_but_ok_ends_in_an_error_that_names_the_site(verdict: Verdict) -> None:
    error = error_of(Judgement(verdict, "status 999"), url="https://site.example/secret-path")

    may_pass = verdict in {Verdict.UNAVAILABLE, Verdict.BLOCKED, Verdict.CHALLENGE}
    assert isinstance(error, Transient if may_pass else Permanent)
    assert "site.example" in error.sentence
    assert "secret-path" not in error.sentence


@pytest.mark.parametrize(
    ("text", "words"),
    [("", 0), ("one two  three", 3), ("日本語の文章です", 4), ("한국어 문장", 2), ("Python で書く", 2)],
)
def test_words_are_counted_also_where_they_are_not_spaced(text: str, words: int) -> None:
    assert count_words(text) == words


@given(st.text(max_size=300), st.integers(100, 599))
def test_no_page_is_judged_ok_with_an_error_status(text: str, status: int) -> None:
    verdict = judge(page(status=status), read(text)).verdict

    assert not (status >= 400 and verdict in {Verdict.OK, Verdict.THIN})


@pytest.mark.parametrize(
    ("html", "sign"),
    [
        ('<script src="/cdn-cgi/challenge-platform/h/b/orchestrate"></script>', Sign.CHALLENGE),
        ('<div class="g-recaptcha" data-sitekey="x"></div>', Sign.CHALLENGE),
        ('<form><input name="p" type="password"></form>', Sign.PASSWORD_FIELD),
        ("<INPUT TYPE=password>", Sign.PASSWORD_FIELD),
        ('<script type="application/ld+json">{"isAccessibleForFree": "False"}</script>', Sign.PAYWALL),
        ('<body><div id="root"></div><script src="/app.js"></script></body>', Sign.SCRIPT_APP),
        ("<body><main class=x id=app> </main></body>", Sign.SCRIPT_APP),
        ("<app-root></app-root>", Sign.SCRIPT_APP),
        ("<noscript>You need to enable JavaScript to run this app.</noscript>", Sign.SCRIPT_APP),
    ],
)
def test_a_pages_source_gives_signs_away(html: str, sign: Sign) -> None:
    assert signs_of(f"<html>{html}</html>") == {sign}


@pytest.mark.parametrize(
    "html", ['<script src="a.js"></script>' * 3, f"<script>{'work(); ' * 2_000}</script>"], ids=["files", "inline"]
)
def test_scripts_that_make_up_much_of_a_page_are_a_sign(html: str) -> None:
    assert signs_of(f"<html>{html}</html>") == {Sign.SCRIPTS}


def test_an_ordinary_page_has_no_signs() -> None:
    source = f"<html><body><main id=app><p>{ARTICLE}</p></main><div></div><script src=a.js></script></body></html>"

    assert signs_of(source) == frozenset()


@pytest.mark.parametrize(
    "piece", ["<input ", "<div ", "<noscript>", '<div id="root">', "<main  ", "<script>", "<script src="]
)
def test_looking_for_signs_takes_no_time_worth_mentioning_on_hostile_source(piece: str) -> None:
    began = time.process_time()
    signs_of(piece * 80_000)

    assert time.process_time() - began < 2.0
