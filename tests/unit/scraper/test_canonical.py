"""One page, one address: which spellings are the same, and which only look so."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from services.scraper.domain.canonical import canonical, page_key

SAME_ADDRESS = {
    "https://site.example/a?b=1": [
        "HTTPS://Site.EXAMPLE/a?b=1",
        "https://site.example:443/a?b=1",
        "https://site.example./a?b=1",
        "https://site.example/x/../a?b=1",
        "https://site.example/./a?b=1",
        "https://site.example/%61?b=1",
        "https://site.example/a?b=1#part-two",
        "https://site.example/a?b=1#:~:text=words",
        "https://site.example/a?utm_source=mail&b=1&UTM_Medium=x",
        "https://site.example/a?b=1&gclid=x&fbclid=y&mc_eid=z&msclkid=q&_hsenc=1&igshid=2",
        "https://www.google.com/amp/s/site.example/a?b=1",
        "https://google.co.uk/amp/s/site.example/a?b=1&utm_source=x",
        "https://site-example.cdn.ampproject.org/c/s/site.example/a?b=1",
        "https://cdn.ampproject.org/v/s/site.example/a?b=1",
    ],
    "https://site.example/": ["https://site.example", "https://site.example/?", "https://site.example/?utm_source=x"],
    "http://xn--bcher-kva.example/%C3%BC?q=%C3%BC": [
        "http://bücher.example/ü?q=ü",
        "http://BÜCHER.example/%c3%bc?q=%C3%BC",
        "http://xn--bcher-kva.example:80/%C3%BC?q=ü",
    ],
    "https://en.wikipedia.org/wiki/Queue": ["https://en.m.wikipedia.org/wiki/Queue#History"],
    "https://www.youtube.com/watch?v=x&t=10s": ["https://m.youtube.com/watch?v=x&t=10s&si=me&feature=share"],
    "https://twitter.com/a/status/1": ["https://mobile.twitter.com/a/status/1?s=20&t=abc&ref_src=twsrc"],
    "https://app.example/#!/docs/one": ["https://app.example#!/docs/one"],
    "https://app.example/#/docs/one": ["https://app.example/?utm_term=x#/docs/one"],
}

DIFFERENT_ADDRESSES = [
    ("https://site.example/a", "http://site.example/a"),
    ("https://site.example/a", "https://site.example/a/"),
    ("https://site.example/a", "https://site.example/A"),
    ("https://site.example/a", "https://site.example:8443/a"),
    ("https://site.example/a", "https://www.site.example/a"),
    ("https://site.example/a", "https://site.example//a"),
    ("https://site.example/a/b", "https://site.example/a%2Fb"),
    ("https://site.example/?a=1&b=2", "https://site.example/?b=2&a=1"),
    ("https://site.example/?a=1&a=2", "https://site.example/?a=2&a=1"),
    ("https://site.example/?q=a+b", "https://site.example/?q=a%2Bb"),
    ("https://github.com/a/b/tree?ref=main", "https://github.com/a/b/tree?ref=next"),
    ("https://site.example/?source=a", "https://site.example/?source=b"),
    ("https://site.example/?s=word", "https://site.example/?s=other"),
    ("https://app.example/#/docs/one", "https://app.example/#/docs/two"),
    ("https://app.example/#!one", "https://app.example/#!two"),
]

SAME_PAGE = {
    "https://site.example/2024/a-fine-title": [
        "https://m.site.example/2024/a-fine-title",
        "https://amp.site.example/2024/a-fine-title",
        "https://site.example/2024/a-fine-title/amp",
        "https://site.example/2024/a-fine-title?amp=1",
        "https://www.google.com/amp/s/amp.site.example/2024/a-fine-title?amp",
    ],
    "https://site.example/news/world-123456/": ["https://site.example/news/world-123456/amp/"],
}

DIFFERENT_PAGES = [
    ("https://words.example/dictionary/amp", "https://words.example/dictionary"),
    ("https://github.com/somebody/amp", "https://github.com/somebody"),
    ("https://m.com/", "https://com/"),
    ("https://m.co.uk/", "https://co.uk/"),
    ("https://m.gov.br/", "https://gov.br/"),
    ("https://m.github.io/", "https://github.io/"),
    ("https://m.127.0.0.1/", "https://127.0.0.1/"),
    ("https://mobile.site.example/", "https://site.example/"),
    ("https://site.example/?amp=2", "https://site.example/"),
]


@pytest.mark.parametrize(
    ("spelling", "address"),
    [(spelling, address) for address, spellings in SAME_ADDRESS.items() for spelling in spellings],
)
def test_spellings_of_one_address_become_one(spelling: str, address: str) -> None:
    assert canonical(spelling) == canonical(address) == address


@pytest.mark.parametrize(("one", "another"), DIFFERENT_ADDRESSES)
def test_what_may_be_another_page_stays_another(one: str, another: str) -> None:
    assert canonical(one) != canonical(another)
    assert page_key(one) != page_key(another)


@pytest.mark.parametrize(
    ("edition", "page"), [(edition, page) for page, editions in SAME_PAGE.items() for edition in editions]
)
def test_mobile_and_amp_editions_are_kept_as_one_page(edition: str, page: str) -> None:
    assert page_key(edition) == page_key(page) == page


@pytest.mark.parametrize(("one", "another"), DIFFERENT_PAGES)
def test_what_only_looks_like_an_edition_is_a_page_of_its_own(one: str, another: str) -> None:
    assert page_key(one) != page_key(another)


def test_an_edition_is_fetched_from_where_it_was_saved() -> None:
    assert canonical("https://m.site.example/2024/a-fine-title/amp") == "https://m.site.example/2024/a-fine-title/amp"


@pytest.mark.parametrize(
    "text",
    ["", "nonsense", "mailto:a@b.example", "javascript:alert(1)", "http://[::1", "http://", "file:///etc/passwd"],
)
def test_what_is_no_web_address_comes_back_as_it_is(text: str) -> None:
    assert canonical(text) == page_key(text) == text


# ---- whatever the address --------------------------------------------------------------------------

HOSTS = st.sampled_from(
    [
        *(
            "site.example",
            "WWW.Site.example.",
            "m.site.example",
            "amp.site.co.uk",
            "mobile.site.example",
            "bücher.example",
        ),
        *(
            "en.m.wikipedia.org",
            "m.youtube.com",
            "google.com",
            "www.google.de",
            "cdn.ampproject.org",
            "127.0.0.1",
            "[::1]",
        ),
        *("m.m.m.example", "x.github.io", "site-example.cdn.ampproject.org"),
    ]
)
PARTS = st.text(st.sampled_from("ab-.1%2Fé~:@;+ s/amp"), max_size=12)
QUERIES = st.lists(
    st.tuples(st.sampled_from(["a", "b", "utm_source", "amp", "ref", "gclid", "v", "é", ""]), PARTS), max_size=4
).map(lambda pairs: "&".join(f"{name}={value}" if value else name for name, value in pairs))
URLS = st.builds(
    lambda scheme, host, port, path, query, fragment: (
        f"{scheme}://{host}{port}/{path}{query and '?' + query}{fragment}"
    ),
    st.sampled_from(["http", "https", "HTTP"]),
    HOSTS,
    st.sampled_from(["", ":80", ":443", ":8080"]),
    st.lists(
        PARTS | st.sampled_from(["..", ".", "amp", "amp/s/site.example", "c/s/en.m.wikipedia.org"]), max_size=4
    ).map("/".join),
    QUERIES,
    st.sampled_from(["", "#a", "#!/a", "#/a", "#:~:text=a"]),
)


@given(URLS | st.text(max_size=40))
def test_a_canonical_address_is_its_own_canonical_address(url: str) -> None:
    assert canonical(canonical(url)) == canonical(url)
    assert page_key(page_key(url)) == page_key(url)
    assert page_key(canonical(url)) == page_key(url)


@given(URLS)
def test_no_address_becomes_one_of_another_site_unless_amp_names_that_site_in_it(url: str) -> None:
    before, after, key = URL(url), URL(canonical(url)), URL(page_key(url))
    own = (before.raw_host or "").removesuffix(".").split(".")[-2:]

    if own not in (["google", "com"], ["google", "de"], ["ampproject", "org"]):
        assert (after.raw_host or "").split(".")[-2:] == (key.raw_host or "").split(".")[-2:] == own
        assert (after.scheme, after.port) == (key.scheme, key.port) == (before.scheme, before.port)
    else:
        assert ".".join((after.raw_host or "").split(".")[-2:]) in url


@given(URLS, st.sampled_from(["utm_campaign=x", "fbclid=abc", "GCLID=1", "mc_eid"]))
def test_what_tells_who_came_changes_nothing(url: str, told: str) -> None:
    address, hash_sign, fragment = url.partition("#")
    told_url = f"{address}{'&' if '?' in address else '?'}{told}{hash_sign}{fragment}"

    assert page_key(told_url) == page_key(url)
