"""Which pages stay with whoever saved them."""

from dataclasses import replace

import pytest

from services.scraper.domain.pages import Fetched, Hop
from services.scraper.domain.personal import bears_secret, is_personal

SECRETS = [
    "https://user:password@site.example/",
    "https://user@site.example/",
    "https://bucket.example/a.html?X-Amz-Signature=abc&X-Amz-Date=1",
    "https://storage.example/a?X-Goog-Signature=abc",
    "https://blob.example/a?sv=2020&sig=abc",
    "https://site.example/a?token=abc",
    "https://site.example/a?Access_Token=abc",
    "https://site.example/a?reset-token=abc",
    "https://site.example/a?b=1&api_key=abc",
    "https://site.example/a?PHPSESSID=abc",
    "https://site.example/a;jsessionid=abc?b=1",
    "https://site.example/a?sessionid=abc",
    "https://dropbox.example/scl/fi/x?rlkey=abc",
    "https://site.example/invite/abc",
    "https://site.example/share/abc",
    "https://site.example/reset-password/abc",
    "https://site.example/unsubscribe/abc",
    "https://site.example/?email=ada@site.example",
    "https://site.example/#access_token=abc",
]

PLAIN = [
    "https://site.example/",
    "https://site.example/a?id=17&page=2&q=token",
    "https://site.example/posts/how-to-share-a-token",
    "https://www.youtube.com/watch?v=dQw4w9WgXcQ",
    "https://github.com/a/b/blob/0123456789abcdef0123456789abcdef01234567/token.py",
    "https://site.example/?monkey=1&assign=2&design=3",
    "nonsense://[",
]


@pytest.mark.parametrize("url", SECRETS)
def test_an_address_that_opens_something_itself_bears_a_secret(url: str) -> None:
    assert bears_secret(url)


@pytest.mark.parametrize("url", PLAIN)
def test_an_address_that_only_names_a_page_bears_none(url: str) -> None:
    assert not bears_secret(url)


def answer(url: str = "https://site.example/", **headers: str) -> Fetched:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Fetched(url, 200, "text/html", headers=named)


@pytest.mark.parametrize(
    "headers",
    [
        {"cache_control": "private"},
        {"cache_control": "max-age=0, Private, must-revalidate"},
        {"cache_control": 'private="set-cookie"'},
        {"cache_control": "no-store"},
        {"vary": "*"},
        {"vary": "Accept-Encoding, Cookie"},
        {"set_cookie": "session=1"},
        {"set_cookie": "session=1", "cache_control": "max-age=60"},
        {"set_cookie": "session=1", "cache_control": "public, no-store"},
    ],
)
def test_an_answer_that_its_site_calls_personal_is(headers: dict[str, str]) -> None:
    assert is_personal(answer(**headers))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"cache_control": "no-cache"},
        {"cache_control": "public, max-age=60", "set_cookie": "seen=1"},
        {"cache_control": "s-maxage=60", "vary": "cookie"},
        {"vary": "Accept-Encoding"},
    ],
)
def test_any_other_answer_is_not(headers: dict[str, str]) -> None:
    assert not is_personal(answer(**headers))


def test_a_page_that_led_to_a_secret_address_is_personal_whatever_is_said_of_it() -> None:
    assert is_personal(answer("https://site.example/a?session=1", cache_control="public"))


SHARED_STOP, PUBLIC = Hop("https://www.site.example/", {"vary": "Accept-Encoding"}), {"cache_control": "public"}


@pytest.mark.parametrize(
    "stop",
    [
        Hop("https://site.example/welcome", {"set-cookie": "session=1"}),
        Hop("https://site.example/welcome", {"cache-control": "private"}),
        Hop("https://site.example/welcome?token=abc"),
    ],
)
def test_a_page_that_a_personal_stop_led_to_is_personal_whatever_is_said_of_it(stop: Hop) -> None:
    page = answer(**PUBLIC)

    assert is_personal(replace(page, way=(stop, SHARED_STOP)))
    assert is_personal(replace(page, way=(SHARED_STOP, stop)))
    assert not is_personal(replace(page, way=(SHARED_STOP, SHARED_STOP)))


def test_a_link_that_is_counted_for_who_shared_it_leads_all_to_the_same_page() -> None:
    stop = Hop("https://t.co/abc", {"set-cookie": "muc=1", "cache-control": "private,max-age=300"})

    assert not is_personal(replace(answer(), way=(stop,)))


@pytest.mark.parametrize("host", ["github.com", "en.wikipedia.org"])
def test_sites_that_call_everything_private_and_show_all_visitors_the_same_are_known(host: str) -> None:
    assert not is_personal(answer(f"https://{host}/a", cache_control="private, max-age=0", set_cookie="a=b"))
    assert is_personal(answer(f"https://{host.replace('.', '-')}.example/a", cache_control="private"))
    assert is_personal(answer(f"https://{host}.site.example/a", cache_control="private"))
