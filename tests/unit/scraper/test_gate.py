"""The gate's verdicts: what a page is, from its status, type, length and signs."""

import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scraper.adapters.reading import read_page
from services.scraper.domain.content.outlining import plain_outline
from services.scraper.domain.failures import error_of
from services.scraper.domain.gate import Judgement, Verdict, judge
from services.scraper.domain.pages import Extracted, Fetched, Reading
from services.scraper.domain.signs import Sign, signs_of
from shared.errors import Permanent, Transient

PROSE = "The quick brown fox jumps over the lazy dog and tells nobody about it. "
ARTICLE = PROSE * 30
NOTE = PROSE * 4
FORM = '<form><input name="who"><input name="p" type="password"><button>Log in</button></form>'
NOT_FREE = '<script type="application/ld+json">{"@type": "Article", "isAccessibleForFree": false}</script>'


def page(
    *, status: int = 200, media_type: str = "text/html", url: str = "https://site.example/a", **headers: str
) -> Fetched:
    return Fetched(
        url=url,
        status=status,
        media_type=media_type,
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )


def html(*lines: str, title: str = "", head: str = "", scripts: str = "") -> str:
    body = "".join(line if line.startswith("<") else f"<p>{line}</p>" for line in lines)
    return f"<html><head><title>{title}</title>{head}</head><body>{body}{scripts}</body></html>"


def test_half_a_character_in_a_title_or_a_line_is_no_obstacle() -> None:
    halves = Reading(
        Extracted(title="Log in \ud83d", text=NOTE), outline=plain_outline(f"Sign in to continue \ud83d\n{NOTE}")
    )
    assert judge(page(), halves).verdict is Verdict.OK


def judged(
    source: str = "", *, status: int = 200, url: str = "https://site.example/a", asked: str = "", **headers: str
) -> Judgement:
    answer = replace(page(status=status, url=url, **headers), body=source.encode())
    return judge(answer, read_page(answer, chars=100_000), asked=asked)


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (404, Verdict.GONE), (410, Verdict.GONE), (401, Verdict.LOGIN), (402, Verdict.PAYWALL), (403, Verdict.BLOCKED),
        (418, Verdict.BLOCKED), (451, Verdict.BLOCKED), (999, Verdict.BLOCKED), (408, Verdict.UNAVAILABLE),
        (429, Verdict.UNAVAILABLE), (500, Verdict.UNAVAILABLE), (503, Verdict.UNAVAILABLE),
    ],
)  # fmt: skip
@pytest.mark.parametrize("source", ["", html(ARTICLE)], ids=["empty", "with text"])
def test_the_status_of_an_error_is_believed(status: int, verdict: Verdict, source: str) -> None:
    assert judged(source, status=status).verdict is verdict


@pytest.mark.parametrize(
    ("judgement", "verdict"),
    [
        (judged(html("Checking your browser before accessing site.example."), status=503), Verdict.CHALLENGE),
        (judged(status=403, cf_mitigated="challenge"), Verdict.CHALLENGE),
        (judged(html("Log in to continue.", FORM, title="Log in"), status=403), Verdict.LOGIN),
        (judged(html("Anything", title="Just a moment..."), status=404), Verdict.GONE),
    ],
)
def test_an_error_page_may_tell_which_error_it_is(judgement: Judgement, verdict: Verdict) -> None:
    assert judgement.verdict is verdict


def test_what_is_no_text_is_named_by_its_type() -> None:
    picture = judge(page(media_type="image/png"), Reading())

    assert (picture.verdict, picture.evidence) == (Verdict.NOT_TEXT, "image/png")
    assert judge(page(), Reading(is_text=False)).verdict is Verdict.NOT_TEXT


@pytest.mark.parametrize(
    ("judgement", "verdict"),
    [
        (judged(html("Verify you are human.", title="Just a moment...")), Verdict.CHALLENGE),
        (judged(html("Your request was blocked.", title="Access denied")), Verdict.BLOCKED),
        (judged(html("Sorry, the page you requested does not exist.", title="Page not found")), Verdict.SOFT_404),
        (judged(html("Welcome back.", FORM, title="Sign in")), Verdict.LOGIN),
        (judged(html(NOTE, "Subscribe to continue reading.", head=NOT_FREE)), Verdict.PAYWALL),
        (judged(html("Be back shortly.", title="Under maintenance")), Verdict.UNAVAILABLE),
        (judged(html(NOTE), url="https://site.example/", asked="https://site.example/posts/one"), Verdict.SOFT_404),
        (judged(html(NOTE), url="https://site.example/login?next=/a", asked="https://site.example/a"), Verdict.LOGIN),
    ],
)
def test_a_notice_in_a_pages_place_is_told_by_what_it_says_and_how_little_else_there_is(
    judgement: Judgement, verdict: Verdict
) -> None:
    assert judgement.verdict is verdict
    assert judgement.evidence


@pytest.mark.parametrize(
    "judgement",
    [
        judged(html(ARTICLE)),
        judged(html(NOTE)),
        judged(html("A short remark that is all the page has.")),
        judged(html(ARTICLE, "Checking your browser is what this article is about.")),
        judged(html(ARTICLE, title="How Access Denied pages work")),
        judged(html(ARTICLE, title="404: the history of a number")),
        judged(html(ARTICLE, FORM, '<div class="g-recaptcha"></div>')),
        judged(html(ARTICLE * 2, head=NOT_FREE)),
        judged(html(NOTE, '<a href="/login">Log in</a>', title="A note")),
        judged(html(ARTICLE, "Enable JavaScript to see the comments.")),
    ],
)
def test_a_page_is_believed_however_it_speaks_of_notices(judgement: Judgement) -> None:
    assert (judgement.verdict, judgement.needs_browser) == (Verdict.OK, False)


@pytest.mark.parametrize(
    "judgement",
    [
        judged(html("Loading …", '<div id="root"></div>')),
        judged(html("Home. About us. Contact. " * 10, '<div id="root"></div>')),
        judged(html("You need to enable JavaScript to run this app.")),
        judged(html("Bitte JavaScript aktivieren.")),
        judged(html("Home. About us.", scripts='<script src="a.js"></script>' * 3)),
        judged(status=403),
        judged(html("Verify you are human.", title="Just a moment...")),
    ],
)
def test_a_browser_is_asked_for_on_evidence(judgement: Judgement) -> None:
    assert judgement.needs_browser


@pytest.mark.parametrize(
    "judgement",
    [
        judged(html(NOTE, scripts='<script src="a.js"></script>' * 3)),
        judged(html("")),
        judged(html('<div id="root"></div>'), status=404),
        judged(html('<div id="root"></div>'), status=500),
        judged(html('<div id="root"></div>'), status=401),
        judged(html("Sorry, the page you requested does not exist.", title="Page not found")),
    ],
)
def test_no_browser_is_asked_for_without_evidence(judgement: Judgement) -> None:
    assert not judgement.needs_browser


@pytest.mark.parametrize("verdict", [verdict for verdict in Verdict if verdict is not Verdict.OK])
def test_every_verdict_but_ok_ends_in_an_error_that_names_the_site(verdict: Verdict) -> None:
    error = error_of(Judgement(verdict, "status 999"), url="https://site.example/secret-path")

    may_pass = verdict in {Verdict.UNAVAILABLE, Verdict.BLOCKED, Verdict.CHALLENGE}
    assert isinstance(error, Transient if may_pass else Permanent)
    assert "site.example" in error.sentence
    assert "secret-path" not in error.sentence


@given(st.text(max_size=300), st.integers(100, 599))
def test_no_page_is_judged_ok_with_an_error_status(text: str, status: int) -> None:
    verdict = judge(page(status=status), Reading(Extracted(text=text))).verdict

    assert not (status >= 400 and verdict in {Verdict.OK, Verdict.THIN})


@pytest.mark.parametrize(
    ("html", "sign"),
    [
        ('<script src="/cdn-cgi/challenge-platform/h/b/orchestrate/chl_page/v1"></script>', Sign.CHALLENGE),
        ('<div class="g-recaptcha" data-sitekey="x"></div>', Sign.CAPTCHA),
        ('<body><div id="root"></div><script src="/app.js"></script></body>', Sign.SCRIPT_APP),
        ("<body><main class=x id=app> </main></body>", Sign.SCRIPT_APP),
        ("<app-root></app-root>", Sign.SCRIPT_APP),
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
