"""What a submitted bookmark may look like."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from services.producer.domain.submissions import new_bookmark, new_bookmarks
from shared.bookmarks import NewBookmark
from shared.errors import InvalidInput, InvalidUrl

A_PAGE = "https://example.org/a/page?q=1#there"


def bookmark(**fields: Any) -> NewBookmark:
    return new_bookmark({"url": A_PAGE, **fields})


def sentence_about(**fields: Any) -> str:
    with pytest.raises(InvalidInput) as refused:
        bookmark(**fields)
    assert refused.value.advice
    return refused.value.sentence


def test_a_bookmark_keeps_what_was_said_of_it() -> None:
    kept = bookmark(
        title=" A page ",
        tags=["python", "queues", "python"],
        excerpt="First line\n\tsecond",
        created_at="2025-04-09T18:30:00+02:00",
        external_id="b-17",
    )

    assert kept == NewBookmark(
        url=A_PAGE,
        title="A page",
        tags=("python", "queues"),
        excerpt="First line\n\tsecond",
        created_at=datetime(2025, 4, 9, 16, 30, tzinfo=UTC),
        external_id="b-17",
    )


def test_a_url_alone_is_a_bookmark() -> None:
    assert new_bookmark(A_PAGE) == NewBookmark(url=A_PAGE)


def test_a_field_that_is_null_is_a_field_that_was_not_given() -> None:
    assert bookmark(title=None, tags=None, created_at=None) == NewBookmark(url=A_PAGE)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org",
        "HTTPS://EXAMPLE.ORG/",
        "https://bücher.example/straße?größe=ö",
        "https://例え.jp/ページ",
        "http://192.0.2.7:8080/",
        "http://[2001:db8::1]/",
        "https://example.org./@user/post",
        "https://my_host.example.org/",
        "https://example.org/" + "a" * 4_076,
    ],
)
def test_addresses_of_pages_are_accepted_as_they_are(url: str) -> None:
    assert new_bookmark(url).url == url


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("", "does not begin with http"),
        ("example.org/page", "does not begin with http"),
        ("/page", "does not begin with http"),
        ("ftp://example.org/", "does not begin with http"),
        ("javascript:alert(1)", "does not begin with http"),
        ("file:///etc/passwd", "does not begin with http"),
        ("http://", "names no host"),
        ("https:///page", "names no host"),
        ("http://?q=1", "names no host"),
        ("http://\\\\evil.example/", "names no host"),
        ("https://ada:secret@example.org/", "user name or a password"),
        ("https://@example.org/", "user name or a password"),
        ("https://example.org:99999/", "malformed"),
        ("https://[2001:db8::1/", "malformed"),
        ("https://exa%00mple.org/", "names a host that cannot exist"),
        ("https://a..b/", "names a host that cannot exist"),
        ("https://" + "a" * 64 + ".org/", "names a host that cannot exist"),
        ("https://example.org/a b", "white space"),
        (" https://example.org/", "white space"),
        ("https://example.org/\n", "control character"),
        ("https://example.org/\x00", "control character"),
        ("https://example.org/\x7f", "control character"),
        ("https://example.org/\ud800", "control character"),
        ("https://example.org/" + "a" * 4_077, "4,097 characters"),
    ],
)
def test_what_is_no_address_of_a_page_is_refused_with_the_reason(url: str, why: str) -> None:
    with pytest.raises(InvalidUrl, match=why) as refused:
        new_bookmark(url)

    assert "secret" not in refused.value.sentence


@pytest.mark.parametrize("url", [None, 7, True, ["https://example.org/"], {"url": A_PAGE}])
def test_an_address_that_is_no_text_is_refused(url: object) -> None:
    with pytest.raises(InvalidUrl):
        new_bookmark({"url": url})


@pytest.mark.parametrize("data", [None, 7, 1.5, True, b"https://example.org/"])
def test_what_is_no_bookmark_at_all_is_refused(data: object) -> None:
    with pytest.raises(InvalidInput, match="A bookmark is an object"):
        new_bookmark(data)


def test_an_unknown_field_is_refused_by_name() -> None:
    assert "'titel'" in sentence_about(titel="A page")


def test_a_very_long_title_is_refused_by_its_length_and_not_repeated() -> None:
    sentence = sentence_about(title="x" * 2_000_000)

    assert "`title` has 2,000,000 characters; at most 1,000" in sentence
    assert len(sentence) < 200


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"title": 7}, "`title` is not a text"),
        ({"title": "a\x00b"}, "`title` holds a control character"),
        ({"title": "two\nlines"}, "`title` holds a control character"),
        ({"excerpt": "a\x1bb"}, "`excerpt` holds a control character"),
        ({"excerpt": "x" * 10_001}, "`excerpt` has 10,001 characters"),
        ({"tags": "python"}, "`tags` is not a list of texts"),
        ({"tags": {"python": 1}}, "`tags` is not a list of texts"),
        ({"tags": [1]}, "`tags` is not a text"),
        ({"tags": ["ok", "  "]}, "`tags` holds an empty tag"),
        ({"tags": ["x" * 101]}, "`tags` has 101 characters"),
        ({"tags": [str(number) for number in range(51)]}, "`tags` holds 51 tags"),
        ({"created_at": "yesterday"}, "`created_at` is not a time"),
        ({"created_at": 1712678400}, "`created_at` is not a time"),
        ({"created_at": "2025-02-30T00:00:00Z"}, "`created_at` is not a time"),
        ({"created_at": "0001-01-01T00:00:00+23:00"}, "`created_at` is not a time"),
        ({"created_at": "1601-01-01T00:00:00Z"}, "`created_at` lies outside the years"),
        ({"external_id": "x" * 201}, "`external_id` has 201 characters"),
    ],
)
def test_each_field_is_refused_by_name_and_reason(fields: dict[str, Any], why: str) -> None:
    assert why in sentence_about(**fields)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2025-04-09", datetime(2025, 4, 9, tzinfo=UTC)),
        ("2025-04-09T16:30:00Z", datetime(2025, 4, 9, 16, 30, tzinfo=UTC)),
        ("2025-04-09T16:30:00", datetime(2025, 4, 9, 16, 30, tzinfo=UTC)),
        ("2025-04-09T16:30:00.5-08:00", datetime(2025, 4, 10, 0, 30, 0, 500_000, tzinfo=UTC)),
    ],
)
def test_times_are_iso_8601_and_without_a_zone_utc(text: str, moment: datetime) -> None:
    assert bookmark(created_at=text).created_at == moment


def test_one_fault_in_a_list_refuses_the_list_and_names_the_item() -> None:
    with pytest.raises(InvalidUrl, match=r"item 2 of 3"):
        new_bookmarks([A_PAGE, {"url": "ftp://example.org/"}, A_PAGE])
    with pytest.raises(InvalidInput, match=r"`title` is not a text \(item 1 of 1\)"):
        new_bookmarks([{"url": A_PAGE, "title": 1}])


def test_a_list_holds_one_to_a_thousand_bookmarks() -> None:
    assert len(new_bookmarks([A_PAGE] * 1_000)) == 1_000
    for data in ([], [A_PAGE] * 1_001):
        with pytest.raises(InvalidInput, match="1 to 1,000"):
            new_bookmarks(data)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(st.text(), inside, max_size=4),
    max_leaves=10,
)
_names = st.sampled_from(["url", "title", "tags", "excerpt", "created_at", "external_id"]) | st.text()


@given(
    _json
    | st.dictionaries(_names, _json)
    | st.builds(lambda rest: {**rest, "url": A_PAGE}, st.dictionaries(_names, _json))
)
def test_whatever_is_handed_in_is_a_bookmark_or_a_typed_error(data: object) -> None:
    for outcome in outcomes(data):
        assert isinstance(outcome, NewBookmark) or (outcome.sentence.endswith(".") and len(outcome.sentence) < 300)


def outcomes(data: object) -> Sequence[NewBookmark | InvalidInput]:
    try:
        return new_bookmarks(data)
    except InvalidInput as refused:
        return [refused]


@given(st.text(max_size=60))
def test_every_accepted_address_has_a_host_and_nothing_that_could_break_a_line_or_a_database(rest: str) -> None:
    try:
        kept = new_bookmark(f"https://{rest}").url
    except InvalidUrl:
        return
    url = URL(kept)
    assert url.host
    assert url.user is None
    assert kept.isprintable() or not any(character.isspace() or character < " " for character in kept)
    assert kept.encode()
