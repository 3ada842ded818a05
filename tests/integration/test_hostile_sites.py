"""Sites that mean harm: each costs one typed failure within its limits, and the scraper goes on."""

import asyncio
import gzip
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from ipaddress import ip_network

import brotli
import psutil
import pytest
import pytest_asyncio

from services.scraper.adapters.in_aiohttp import HttpFetcher
from services.scraper.adapters.parsers import Parsers
from services.scraper.domain.gate import Judgement, Verdict
from services.scraper.domain.limits import FetchLimits, ParserLimits
from services.scraper.domain.looking import FreshLook, Look
from services.scraper.domain.pages import DATA, Fetched, Query, Reading
from services.scraper.domain.scraping import ScrapePage
from shared.bookmarks import Bookmark, Content
from shared.egress.in_memory import GuardInMemory
from shared.egress.rules import Rules
from shared.errors import (
    AddressRefused,
    FleetError,
    PageBlocked,
    PageEmpty,
    PageGone,
    PageRefused,
    PageUnreachable,
    PageUnusable,
)
from shared.ledger.in_memory import MemoryLedger
from shared.ledger.policies import retry_policy, stage_policies
from shared.settings import DispatchSettings
from shared.values import BookmarkId, Strategy, UserId
from tests.integration.hostile_site import Answer, Site, answer, endless, raw, redirect, silence, site
from tests.pdfs import LOCKED, packed_twice, pdf
from tests.visits import visits

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

pytestmark = pytest.mark.asyncio(loop_scope="module")

LIMITS = FetchLimits(
    connect=timedelta(seconds=1),
    first_byte=timedelta(seconds=1),
    total=timedelta(seconds=2),
    bytes=2_000_000,
    inflated_bytes=4_000_000,
    pdf_bytes=3_000_000,
)
PARSING = ParserLimits(cpu=timedelta(seconds=2), memory_bytes=600_000_000, chars=100_000)
LONGEST_S = 20.0
"""Far above every limit in force: what takes longer was not limited at all."""

SENTENCES = " ".join(f"Sentence number {n} of a harmless page says something of its own." for n in range(30))
PAGE = f"<html><head><title>Harmless</title></head><body><article><p>{SENTENCES}</p></article></body></html>"
HTML_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
CHUNKED = HTML_HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
PDF_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/pdf\r\n\r\n"
UNTOLD_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n\r\n"
BOMB = packed_twice(b"BT /F 10 Tf 50 700 Td (and again) Tj ET\n" * 5_000_000)


@pytest_asyncio.fixture(loop_scope="module")
async def hostile() -> AsyncIterator[Site]:
    async with site() as here:
        here.answers["/harmless"] = answer(PAGE)
        yield here


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def parsers() -> AsyncIterator[Parsers]:
    """One pool for all: it must survive every page in this file."""
    async with Parsers(PARSING, processes=1) as pool:
        yield pool


@pytest.fixture
def scrape(parsers: Parsers) -> ScrapePage:
    settings = DispatchSettings()
    guard = GuardInMemory(Rules(allow=(ip_network("127.0.0.1/32"),)))
    return ScrapePage(
        looker=FreshLook(HttpFetcher(guard, visits(), LIMITS, user_agent="tests/1.0"), parsers, Strategy.STATIC),
        ledger=MemoryLedger(policies=stage_policies(settings), retries=retry_policy(settings)),
        chars=100_000,
    )


def bookmark(url: str) -> Bookmark:
    return Bookmark(id=BookmarkId(1), user=UserId("u"), url=url)


async def content_of(scrape: ScrapePage, hostile: Site, path: str = "/page") -> Content:
    return await scrape.scrape(bookmark(hostile.url(path)))


async def suffer(scrape: ScrapePage, hostile: Site, harm: Answer, path: str = "/page") -> FleetError:
    """The failure a hostile answer ends in; then a harmless page must still be scraped."""
    hostile.answers["/page"] = harm
    before = psutil.Process().memory_info().rss

    with pytest.raises(FleetError) as failure:
        async with asyncio.timeout(LONGEST_S):
            await content_of(scrape, hostile, path)

    assert psutil.Process().memory_info().rss - before < 60_000_000
    assert (await content_of(scrape, hostile, "/harmless")).title == "Harmless"
    return failure.value


TIME = {
    "silence": silence,
    "a head that never ends": endless(b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n", pause_s=0.05),
    "a slow drip": endless(HTML_HEAD + b"\r\n", b".", pause_s=0.05),
    "a slow drip in chunks": endless(HTML_HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n.\r\n", pause_s=0.05),
    "provisional answers for ever": endless(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n", pause_s=0.01),
    "an answer cut off": raw(HTML_HEAD + b"Content-Length: 100000\r\n\r\n<html>the beginning"),
    "no answer": raw(b""),
    "a compressed answer cut off": answer(gzip.compress(PAGE.encode())[:-20], headers={"Content-Encoding": "gzip"}),
    "chunks cut off": raw(CHUNKED + b"1000\r\n<p>beginning"),
    "provisional answers without a pause": endless(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 1_000),
    "chunks that carry more about themselves than text": endless(CHUNKED, b"1;" + b"a" * 8_000 + b"\r\n.\r\n"),
    "a chunk whose length never ends": endless(CHUNKED + b"1;", b"a" * 8_000),
    "trailers without end": endless(CHUNKED + b"1\r\n.\r\n0\r\n", b"X-A: b\r\n"),
}


@pytest.mark.parametrize("harm", TIME.values(), ids=TIME)
async def test_a_site_that_wastes_time_or_hangs_up_is_unreachable(
    scrape: ScrapePage, hostile: Site, harm: Answer
) -> None:
    assert isinstance(await suffer(scrape, hostile, harm), PageUnreachable)


def compressed(body: bytes, coding: str) -> Answer:
    return answer(body, headers={"Content-Encoding": coding})


SIZE = {
    "an endless body": endless(HTML_HEAD + b"\r\n", b"<p>" * 20_000),
    "an endless body in chunks": endless(
        HTML_HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"ffff\r\n" + b"x" * 0xFFFF + b"\r\n"
    ),
    "a body as large as it says": answer(b"x" * 5_000_000),
    "a gzip bomb": compressed(gzip.compress(bytes(300_000_000)), "gzip"),
    "a brotli bomb": compressed(brotli.compress(bytes(300_000_000), quality=1), "br"),
    "a zstd bomb": compressed(zstd.compress(bytes(300_000_000)), "zstd"),
    "a bomb in a bomb": compressed(gzip.compress(gzip.compress(bytes(300_000_000))), "gzip, gzip"),
}


@pytest.mark.parametrize("harm", SIZE.values(), ids=SIZE)
async def test_a_page_without_measure_is_unusable(scrape: ScrapePage, hostile: Site, harm: Answer) -> None:
    failure = await suffer(scrape, hostile, harm)

    assert isinstance(failure, PageUnusable)
    assert "larger than the fleet reads" in failure.sentence


NONSENSE = {
    "no HTTP": raw(b"SSH-2.0-OpenSSH_9.9\r\n"),
    "a flood of headers": answer(PAGE, headers={f"X-{n}": "y" for n in range(5_000)}),
    "headers that are large together": answer(PAGE, headers={f"X-{n}": "y" * 10_000 for n in range(100)}),
    "one large header": answer(PAGE, headers={"X-A": "y" * 1_000_000}),
    "a header without end": endless(b"HTTP/1.1 200 OK\r\nX-A: ", b"a" * 8_000),
    "a status line without end": endless(b"HTTP/1.1 200 ", b"O" * 8_000),
    "no head, as in HTTP/0.9": raw(PAGE.encode()),
    "a length that is no number": raw(HTML_HEAD + b"Content-Length: many\r\n\r\n"),
    "a length below nothing": raw(HTML_HEAD + b"Content-Length: -5\r\n\r\n" + PAGE.encode()),
    "a length beyond measure": raw(HTML_HEAD + b"Content-Length: " + b"9" * 30 + b"\r\n\r\n" + PAGE.encode()),
    "two lengths": raw(HTML_HEAD + b"Content-Length: 5\r\nContent-Length: 500\r\n\r\n" + PAGE.encode()),
    "a length, and chunks": raw(HTML_HEAD + b"Content-Length: 5\r\n" + CHUNKED[len(HTML_HEAD) :] + b"5\r\nhello"),
    "a chunk below nothing": raw(CHUNKED + b"-1\r\nx\r\n0\r\n\r\n"),
    "a chunk beyond measure": raw(CHUNKED + b"f" * 30 + b"\r\nx\r\n0\r\n\r\n"),
    "compressed pieces without measure": compressed(gzip.compress(b"") * 50_000, "gzip"),
    "not the compression it names": compressed(PAGE.encode(), "gzip"),
    "an unknown compression": compressed(PAGE.encode(), "snappy"),
    "a redirect to nonsense": redirect("http://[::1"),
    "binary as HTML": answer(bytes(range(256)) * 200),
    "an image": answer(b"\x89PNG\r\n", content_type="image/png"),
    "an archive": answer(b"PK\x03\x04", content_type="application/octet-stream"),
    "a file without end of a type that tells nothing": endless(UNTOLD_HEAD, bytes(65_536)),
    "a PDF file without end": endless(PDF_HEAD, b"%PDF-1.7\n" + bytes(65_536)),
    "a locked PDF file": answer(pdf([[SENTENCES]], trailer=LOCKED), content_type="application/pdf"),
    "a broken PDF file": answer(b"%PDF-1.7\nnothing", content_type="application/pdf"),
    "a PDF file that is small only as it is sent": answer(BOMB, content_type="application/pdf"),
}  # fmt: skip


@pytest.mark.parametrize("harm", NONSENSE.values(), ids=NONSENSE)
async def test_an_answer_that_is_no_page_is_unusable(scrape: ScrapePage, hostile: Site, harm: Answer) -> None:
    assert isinstance(await suffer(scrape, hostile, harm), PageUnusable)


async def test_data_is_read_by_those_alone_who_ask_for_it(hostile: Site) -> None:
    hostile.answers["/page"] = answer('{"a": 1}', content_type="application/json")
    guard = GuardInMemory(Rules(allow=(ip_network("127.0.0.1/32"),)))
    pages = HttpFetcher(guard, visits(), LIMITS, user_agent="tests/1.0")
    data = HttpFetcher(guard, visits(), LIMITS, user_agent="tests/1.0", readable=DATA)

    assert (await pages.fetch(hostile.url("/page"))).body == b""
    assert (await data.fetch(hostile.url("/page"))).body == b'{"a": 1}'
    assert "\r\nAccept: application/json\r\n" in hostile.requests[-1]  # some show people a page where programs get data


async def test_a_question_is_posted_to_its_address_and_to_none_it_leads_to(hostile: Site) -> None:
    hostile.answers["/graphql"] = redirect("/elsewhere", status="307 Temporary Redirect")
    hostile.answers["/elsewhere"] = answer('{"a": 1}', content_type="application/json")
    guard = GuardInMemory(Rules(allow=(ip_network("127.0.0.1/32"),)))
    data = HttpFetcher(guard, visits(), LIMITS, user_agent="tests/1.0", readable=DATA)
    page = hostile.url("/problems/1")

    answered = await data.ask(Query(hostile.url("/graphql"), body='{"query": "q"}', page=page))

    assert answered.body == b'{"a": 1}'
    asked, led = hostile.requests[-2:]
    assert asked.startswith("POST /graphql ")
    assert {"Content-Type: application/json", f"Referer: {page}", "Content-Length: 14"} <= set(asked.split("\r\n"))
    assert led.startswith("GET /elsewhere ")
    assert "Referer" not in led


@pytest.mark.parametrize("media_type", ["application/pdf", "application/octet-stream"])
async def test_a_pdf_file_is_content(scrape: ScrapePage, hostile: Site, media_type: str) -> None:
    lines = [f"Line {n} of a paper that says something of its own." for n in range(40)]
    hostile.answers["/page"] = answer(pdf([lines], info={"Title": "A paper"}), content_type=media_type)

    content = await content_of(scrape, hostile)

    assert (content.title, content.verdict) == ("A paper", "ok")
    assert "Line 39 of a paper" in content.text


async def test_a_pdf_file_with_all_its_lines_on_one_page_is_content(scrape: ScrapePage, hostile: Site) -> None:
    lines = [f"Line {n} of a page that has no end." for n in range(8_000)]
    hostile.answers["/page"] = answer(pdf([lines]), content_type="application/pdf")

    assert "Line 2000 of a page" in (await content_of(scrape, hostile)).text


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
async def test_redirects_in_a_circle_are_unusable(scrape: ScrapePage, hostile: Site, status: str) -> None:
    hostile.answers["/other"] = redirect("/page", status=status)

    assert isinstance(await suffer(scrape, hostile, redirect("/other", status=status)), PageUnusable)
    assert len(hostile.requests) < 6


async def test_redirects_without_end_are_unusable(scrape: ScrapePage, hostile: Site) -> None:
    count = 0

    async def onwards(writer: asyncio.StreamWriter) -> None:
        nonlocal count
        count += 1
        await redirect(f"/page?{count}")(writer)

    assert isinstance(await suffer(scrape, hostile, onwards), PageUnusable)
    assert count == LIMITS.redirects + 1


@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.2/",
        "http://169.254.169.254/latest/meta-data/",
        "file:///etc/passwd",
        "data:text/html,hi",
        "javascript:alert(1)",
    ],
)
async def test_a_redirect_to_a_refused_address_is_refused(scrape: ScrapePage, hostile: Site, target: str) -> None:
    failure = await suffer(scrape, hostile, redirect(target))

    assert isinstance(failure, AddressRefused)
    assert "169" not in failure.sentence


async def test_a_site_may_send_a_visitor_back_once_it_has_set_a_cookie(scrape: ScrapePage, hostile: Site) -> None:
    async def welcome(writer: asyncio.StreamWriter) -> None:
        first = redirect("/page", headers={"Set-Cookie": "seen=1"})
        await (answer(PAGE) if "seen=1" in hostile.requests[-1] else first)(writer)

    hostile.answers["/page"] = welcome

    # Cookies are not kept for addresses, as in browsers' rules for public suffixes; names have them.
    content = await scrape.scrape(bookmark(hostile.url("/page", host="localhost")))

    assert content.title == "Harmless"


async def test_cookies_without_measure_are_not_all_carried_along(scrape: ScrapePage, hostile: Site) -> None:
    async def onwards(writer: asyncio.StreamWriter) -> None:
        number = len(hostile.requests)
        cookies = "".join(f"Set-Cookie: c{number}-{n}={'x' * 4_000}\r\n" for n in range(60))
        head = f"HTTP/1.1 302 Found\r\nLocation: /page?{number}\r\n{cookies}Content-Length: 0\r\n\r\n"
        await raw(head.encode())(writer)

    hostile.answers["/page"] = onwards

    with pytest.raises(PageUnusable):
        await scrape.scrape(bookmark(hostile.url("/page", host="localhost")))
    assert max(len(request) for request in hostile.requests) < 50_000


async def test_a_page_brings_along_what_each_redirect_to_it_said(scrape: ScrapePage, hostile: Site) -> None:
    hostile.answers |= {
        "/page": redirect("/second?token=abc", headers={"Set-Cookie": "user=one"}),
        "/second": redirect("/harmless", headers={"Cache-Control": "private"}),
    }

    page = (await scrape._looker.look(hostile.url("/page"))).page

    first, second = page.way
    assert (first.url, first.headers["set-cookie"]) == (hostile.url("/page"), "user=one")
    assert (second.url, second.headers["cache-control"]) == (hostile.url("/second?token=abc"), "private")
    assert "set-cookie" not in page.headers


async def test_one_pages_cookies_are_not_anothers(scrape: ScrapePage, hostile: Site) -> None:
    hostile.answers["/page"] = answer(PAGE, headers={"Set-Cookie": "user=one; Path=/"})

    for _ in range(2):
        await scrape.scrape(bookmark(hostile.url("/page", host="localhost")))

    assert all("Cookie:" not in request for request in hostile.requests)


STATUSES = {
    "401 Unauthorized": PageRefused,
    "402 Payment Required": PageRefused,
    "403 Forbidden": PageBlocked,
    "404 Not Found": PageGone,
    "410 Gone": PageGone,
    "429 Too Many Requests": PageUnreachable,
    "500 Oops": PageUnreachable,
    "503 Busy": PageUnreachable,
    "999 Denied": PageBlocked,
    "204 No Content": PageEmpty,
    "304 Not Modified": PageEmpty,
}


@pytest.mark.parametrize(("status", "kind"), STATUSES.items())
async def test_a_status_that_is_no_success_is_never_content(
    scrape: ScrapePage, hostile: Site, status: str, kind: type[FleetError]
) -> None:
    body = "" if status[0] in "23" else PAGE

    assert isinstance(await suffer(scrape, hostile, answer(body, status=status)), kind)


async def test_an_earlier_answers_marks_are_shown_to_its_own_address_alone(scrape: ScrapePage, hostile: Site) -> None:
    hostile.answers |= {"/page": redirect("/there"), "/there": answer(status="304 Not Modified")}
    marks = {"etag": '"v1"', "last-modified": "Mon, 01 Jan 2024 00:00:00 GMT"}
    seen = Look(
        Fetched(hostile.url("/there"), 200, "text/html", headers=marks), Reading(), Judgement(Verdict.OK, "a look")
    )

    look = await scrape._looker.look(hostile.url("/page"), seen=seen)

    assert (look.reading, look.judgement) == (seen.reading, seen.judgement)
    assert look.page.headers.items() >= marks.items()
    assert [stop.url for stop in look.page.way] == [hostile.url("/page")]

    first, second = hostile.requests
    assert "If-" not in first
    assert 'If-None-Match: "v1"\r\nIf-Modified-Since: Mon, 01 Jan 2024 00:00:00 GMT' in second


async def test_the_scraper_says_who_it_is_and_tells_no_referrer(scrape: ScrapePage, hostile: Site) -> None:
    hostile.answers["/page"] = redirect("/harmless")

    await content_of(scrape, hostile)

    assert all("User-Agent: tests/1.0\r\n" in request for request in hostile.requests)
    assert all("referer" not in request.lower() for request in hostile.requests)


CHARSETS = {
    "utf-8 as latin-1": ("Grüße aus Zürich. ".encode() * 40, "text/html; charset=iso-8859-1"),
    "windows-1252 as utf-8": ("Grüße aus Zürich. ".encode("cp1252") * 40, "text/html; charset=utf-8"),
    "an unknown charset": ("Grüße aus Zürich. ".encode() * 40, "text/html; charset=klingon"),
    "no charset": ("Grüße aus Zürich. ".encode() * 40, "text/html"),
    "no type": (b"<html><body><p>" + "Grüße aus Zürich. ".encode() * 40, None),
}


@pytest.mark.parametrize(("body", "content_type"), CHARSETS.values(), ids=CHARSETS)
async def test_a_page_whose_charset_is_wrong_or_missing_is_read_all_the_same(
    scrape: ScrapePage, hostile: Site, body: bytes, content_type: str | None
) -> None:
    hostile.answers["/page"] = answer(body, content_type=content_type)

    assert "Grüße aus Zürich" in (await content_of(scrape, hostile)).text


HEAVY = {
    "100,000 levels": "<div>" * 100_000 + SENTENCES,
    "100,000 levels of lists": "<ul><li>" * 50_000 + SENTENCES,
    "100,000 tables": "<table><tr><td>" * 30_000 + SENTENCES,
    "a million attributes": "<p " + " ".join(f"a{n}=b" for n in range(150_000)) + f">{SENTENCES}",
    "an attribute of megabytes": f"<p a='{'x' * 1_500_000}'>{SENTENCES}",
    "a picture of megabytes within the page": f"<img src='data:image/png;base64,{'A' * 1_500_000}'><p>{SENTENCES}",
    "data of 100,000 levels": f"<script type='application/ld+json'>{'[' * 100_000}</script><p>{SENTENCES}",
    "entities made of entities": "<!DOCTYPE a [<!ENTITY b 'bb'><!ENTITY c '&b;&b;&b;'>]>&c;" + SENTENCES,
    "tags that never close": "<b><i><a>" * 100_000 + SENTENCES,
    "nothing but brackets": "<" * 1_500_000,
    "an entity flood": "&amp;&lt;&#x10FFFF;" * 100_000,
    "a comment that never closes": "<!--" + "-" * 1_500_000,
}  # fmt: skip


@pytest.mark.parametrize("body", HEAVY.values(), ids=HEAVY)
async def test_a_page_that_is_heavy_to_parse_ends_within_its_limits_and_costs_nobody_else(
    scrape: ScrapePage, hostile: Site, body: str
) -> None:
    hostile.answers["/page"] = answer(body)

    try:
        async with asyncio.timeout(LONGEST_S):
            content = await content_of(scrape, hostile)
    except FleetError as failure:
        assert isinstance(failure, PageUnusable | PageEmpty)  # noqa: PT017 - content is right as well
    else:
        assert len(content.text) <= PARSING.chars

    assert (await content_of(scrape, hostile, "/harmless")).title == "Harmless"
