"""The sample site: pages worth reading, in several languages and encodings, and bookmarks that lead to them."""

import re
from http import HTTPStatus
from urllib.parse import urlsplit

import pytest

from services.local.sample import Answer, answers, bookmarks

ADDRESS = "http://127.0.0.1:8123"
BOOKMARKS = [(user, one) for user, theirs in bookmarks(ADDRESS, browser=False).items() for one in theirs]


def followed(url: str) -> Answer:
    answer = answers()[urlsplit(url).path]
    return answers()[answer.headers["Location"]] if "Location" in answer.headers else answer


def text_of(answer: Answer) -> str:
    text = answer.body.decode(answer.headers["Content-Type"].rpartition("charset=")[2])
    return re.sub(r"<(script|style).*?</\1>|<[^>]+>", " ", text, flags=re.DOTALL)


def test_two_users_have_at_least_six_bookmarks_each() -> None:
    per_user = {user: len(theirs) for user, theirs in bookmarks(ADDRESS, browser=False).items()}

    assert set(per_user) == {"ada", "linus"}
    assert min(per_user.values()) >= 6
    assert sum(per_user.values()) >= 14


@pytest.mark.parametrize(("user", "bookmark"), BOOKMARKS, ids=[one["url"] for _, one in BOOKMARKS])
def test_every_bookmark_leads_to_a_page_worth_reading(user: str, bookmark: dict[str, object]) -> None:
    page = followed(str(bookmark["url"]))

    assert page.status == HTTPStatus.OK
    assert len(text_of(page).split()) > 300
    assert bookmark["tags"]


def test_the_page_that_needs_a_browser_has_no_text_without_one_and_is_offered_only_where_there_is_one() -> None:
    offered = [one for theirs in bookmarks(ADDRESS, browser=True).values() for one in theirs]
    (alone,) = [one for one in offered if one not in [each for _, each in BOOKMARKS]]

    assert set(alone) == {"url", "title", "tags"}
    assert len(text_of(followed(alone["url"])).split()) < 25
    assert len(text_of(answers()["/apps/tide-table.json"]).split()) > 300


def test_the_german_page_is_encoded_as_it_says() -> None:
    page = answers()["/projekte/gewaechshaus.htm"]

    assert b"charset=iso-8859-1" in page.body
    assert "Gewächshaus automatisch gießen".encode("iso-8859-1") in page.body


def test_the_front_page_links_every_address() -> None:
    front = answers()["/"].body.decode()

    assert all(f'href="{path}"' in front for path in answers() if path != "/")
