"""The gate's signals that hold in words it has never seen: pairs of stems, marks, forms, addresses, walls."""

import pytest

from services.scraper.domain.gate import Judgement, Verdict
from tests.unit.scraper.test_gate import FORM, PROSE, html, judged

AROUND = "<header>" + '<a href="/">x</a>' * 4 + "</header>"
ONCE = '<form><input autocomplete="one-time-code" name="otp"><button>Go on</button></form>'
MAIL = '<form><input type="email" autocomplete="username"><button>Go on</button></form>'
KILN = "How I built my kiln | by Ann | Medium"


def shown(heading: str, *lines: str, title: str = "", head: str = '<meta name="description" content="x">') -> Judgement:
    return judged(html(AROUND, f"<h1>{heading}</h1>", *lines, title=title or heading, head=head))


@pytest.mark.parametrize(
    ("judgement", "verdict"),
    [
        (shown("Dieses Inserat ist deaktiviert", "Schau dir ähnliche an"), Verdict.SOFT_404),
        (shown("Ta oferta pracy wygasła", "Zobacz podobne"), Verdict.SOFT_404),
        (shown("Not here", "Walk on.", head='<meta name="prerender-status-code" content="404">'), Verdict.SOFT_404),
        (shown("Question removed", "This question was removed for reasons of moderation."), Verdict.SOFT_404),
        (shown("This is not the web page you are looking for", title="Page not found · GitHub"), Verdict.SOFT_404),
        (shown("r/foo is a private community", "Only approved members can view it.", "Request to join"), Verdict.LOGIN),
        (shown("Enter code", ONCE, "We sent it to you."), Verdict.LOGIN),
        (shown("Go on", MAIL, "Continue with Google", "Continue with Apple"), Verdict.LOGIN),
        (shown("Too many requests", "Your network has sent too many requests.", head=""), Verdict.BLOCKED),
        (shown("Das Dorf", PROSE * 4, "Nur mit Abo lesbar: dieser Artikel", "9,99 € im Monat"), Verdict.PAYWALL),
        (shown("Деревня", PROSE * 4, "Вы прочитали 15% текста", "390 ₽ в месяц"), Verdict.PAYWALL),
    ],
)  # fmt: skip
def test_notices_are_told_by_what_they_speak_of_in_whatever_words(judgement: Judgement, verdict: Verdict) -> None:
    assert judgement.verdict is verdict
    assert judgement.evidence


@pytest.mark.parametrize(
    "judgement",
    [
        shown("The missing link", "A poem about a link that is missing, and the page it led to."),
        shown("How to remove a page from Google", "Choose the page, press remove. The page is removed in a day."),
        shown("Product recall", "The kettle has been withdrawn from sale, because its handle may come loose."),
        shown("Old town: access restricted to residents", "From May on, cars are let in only with a permit."),
        shown("What is a CAPTCHA?", "A test that checks whether a user is a human or a robot, shown before forms."),
        shown("How to build a login form", "Add a field for the name and one for the password.", FORM, PROSE * 5),
        shown("Pricing", "Free for one user. Pro is $10 per month with support.", "Already a customer? Log in"),
        shown("Closed on Monday", "The library is closed for maintenance on Monday, and opens again on Tuesday."),
    ],
)
def test_short_pages_about_the_same_things_are_kept(judgement: Judgement) -> None:
    assert judgement.verdict is Verdict.OK


def test_a_members_only_article_is_told_from_one_that_all_may_read() -> None:
    wall = "The author made this story available to Medium members only."
    cut = shown("How I built my kiln", PROSE * 3, "Member-only story", wall, title=KILN)
    whole = shown("How I built my kiln", "Member-only story", *[PROSE * 4] * 10, "$5/month", title=KILN)

    assert (cut.verdict, whole.verdict) == (Verdict.PAYWALL, Verdict.OK)
    assert "members only" in cut.evidence


def test_a_page_about_a_status_is_believed_at_an_address_that_names_it() -> None:
    lines = ("<h1>403 Forbidden</h1>", "The server understood, and your request was denied.", PROSE * 2)
    reference = html(*lines, title="403 Forbidden", head='<meta name="description" content="x">')

    assert judged(reference, url="https://site.example/status/403").verdict is Verdict.OK
    assert judged(reference, url="https://site.example/prices").verdict is Verdict.BLOCKED


def test_a_page_of_pictures_without_words_is_no_text() -> None:
    assert judged(html('<a href="a.jpg"><img src="b.jpg"></a>')).verdict is Verdict.NOT_TEXT
    assert judged(html("")).verdict is Verdict.THIN


@pytest.mark.parametrize("player", ["<audio src='/tune.m4a'></audio>", "<object data='/film.swf'>No player.</object>"])
def test_a_player_alone_is_no_text_and_what_is_within_it_is_not_read(player: str) -> None:
    alone = judged(f"<html><body><p>Undertow</p>{player}<span>4:12</span></body></html>", url="https://tunes.example/7")

    assert alone.verdict is Verdict.NOT_TEXT
    assert "2 words" in alone.evidence
