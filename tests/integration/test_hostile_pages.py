"""Pages that mean a browser harm: each costs one typed failure, or is shown all the same, and the next page is fine."""

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import brotli
import pytest
import pytest_asyncio

from services.scraper.adapters.in_chromium import ChromiumFetcher
from services.scraper.domain.pages import Fetched
from services.scraper.domain.personal import is_personal
from shared.errors import FleetError, PageUnreachable, PageUnusable
from tests.integration.browsing import LIMITS, Browsing, browsing, family, left_behind
from tests.integration.hostile_site import Answer, Site, answer, endless, raw, redirect, silence, site

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("browser")]

SENTENCES = " ".join(f"Sentence number {n} of a page says something of its own." for n in range(30))
SHORT = replace(LIMITS, load=timedelta(seconds=4), settle=timedelta(seconds=2), total=timedelta(seconds=12))
HTML_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n"
LONGEST_S = 30.0


def page(script: str = "", *, text: str = SENTENCES) -> Answer:
    return answer(f"<html><title>T</title><body><p>{text}</p><script>{script}</script></body></html>")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def here() -> AsyncIterator[Browsing]:
    """One browser for all: it must survive, or be replaced after, every page in this file."""
    async with browsing(limits=SHORT) as here:
        yield here
    assert left_behind() == []


@pytest_asyncio.fixture(loop_scope="module")
async def hostile() -> AsyncIterator[Site]:
    async with site() as hostile:
        hostile.answers["/harmless"] = page()
        yield hostile


async def shown(here: Browsing, hostile: Site, harm: Answer, *, by: ChromiumFetcher | None = None) -> Fetched:
    hostile.answers["/page"] = harm
    async with asyncio.timeout(LONGEST_S):
        return await (by or here.fetcher).fetch(hostile.url("/page"))


async def suffer(here: Browsing, hostile: Site, harm: Answer, *, by: ChromiumFetcher | None = None) -> FleetError:
    """The failure a hostile page ends in; then a harmless page must still be shown."""
    with pytest.raises(FleetError) as failure:
        await shown(here, hostile, harm, by=by)
    assert b"Sentence number 29" in (await here.fetcher.fetch(hostile.url("/harmless"))).body
    return failure.value


NUISANCES = {
    "dialogs": "alert(1); confirm(2); prompt(3); onbeforeunload = () => 'stay';",
    "dialogs for ever": "setInterval(() => alert(1), 1)",
    "popups for ever": "setInterval(() => open('/harmless'), 20)",
    "printing": "print()",
    "a changed world": "Promise = setTimeout = performance.now = null; Element.prototype.remove = () => { throw 1 };",
    "a title that never rests": "setInterval(() => { document.title = Math.random() }, 1)",
    "text that never rests": "setInterval(() => { document.body.append('more ') }, 10)",
    "history without end": "setInterval(() => history.pushState({}, '', '/page?' + Math.random()), 5)",
    "full screen, and everything else there is leave for": "document.body.requestFullscreen();"
    "navigator.geolocation.getCurrentPosition(() => 0); Notification.requestPermission();"
    "navigator.mediaDevices && navigator.mediaDevices.getUserMedia({audio: true});",
    "sockets without end": "setInterval(() => new WebSocket('ws://' + location.host + '/nothing'), 1)",
    "workers that spin for ever": "const spin = URL.createObjectURL(new Blob(['while (true) {}']));"
    "new Worker(spin); new SharedWorker(spin);",
    "frames in frames": "for (const n of [1, 2]) document.body.append(Object.assign("
    "document.createElement('iframe'), {src: '/page?' + Math.random()}))",
    "files to keep without end": "const file = URL.createObjectURL(new Blob(['x'])); setInterval(() => "
    "Object.assign(document.createElement('a'), {href: file, download: 'x'}).click(), 20)",
    "a server that is polled for ever": "setInterval(() => fetch('/nothing'), 20)",
}


@pytest.mark.parametrize("script", NUISANCES.values(), ids=NUISANCES)
async def test_a_page_that_is_a_nuisance_is_shown_all_the_same(here: Browsing, hostile: Site, script: str) -> None:
    assert b"Sentence number 29" in (await shown(here, hostile, page(script))).body


HOGS = {
    "spins for ever": "while (true) {}",
    "spins for ever, later": "setTimeout(() => { while (true) {} }, 50)",
    "spins with dialogs": "while (true) alert(1)",
    "takes memory for ever": "const all = []; while (true) all.push(new Array(1e6).fill(Math.random()))",
    "makes elements for ever": "while (true) document.body.append(document.createElement('p'), 'x'.repeat(1000))",
}


@pytest.mark.parametrize("script", HOGS.values(), ids=HOGS)
async def test_a_page_that_takes_all_time_or_memory_is_unusable(here: Browsing, hostile: Site, script: str) -> None:
    impatient = ChromiumFetcher(here.browsers, here.proxy, replace(SHORT, total=timedelta(seconds=6)))

    assert isinstance(await suffer(here, hostile, page(script), by=impatient), PageUnusable)


async def test_a_page_that_takes_memory_beside_the_heap_is_unusable(here: Browsing, hostile: Site) -> None:
    hostile.answers["/never"] = silence
    harm = page("fetch('/never'); const all = []; setInterval(() => all.push(new Uint8Array(2e8).fill(1)), 1)", text="")
    longer = replace(
        SHORT, settle=timedelta(seconds=20), total=timedelta(seconds=25)
    )  # nothing to take before the harm
    patient = replace(here, fetcher=ChromiumFetcher(here.browsers, here.proxy, longer))

    assert "memory" in (await suffer(patient, hostile, harm)).sentence


async def test_a_page_that_crashes_its_process_is_unusable(here: Browsing, hostile: Site) -> None:
    async def crash(writer: asyncio.StreamWriter) -> None:
        for process in family(os.getpid()):
            if any(part.startswith("--type=renderer") for part in process.cmdline()):
                process.kill()
        await page()(writer)

    hostile.answers["/crash"] = crash
    harm = page("fetch('/crash')", text="Little.")

    assert isinstance(await suffer(here, hostile, harm), PageUnusable)


UNUSABLE = {
    "a download": answer(b"x" * 100, content_type="application/octet-stream"),
    "an attachment": answer("<p>hi", headers={"Content-Disposition": "attachment; filename=a.html"}),
    "an endless body": endless(HTML_HEAD, b"<p>" * 20_000),
    "a brotli bomb": answer(brotli.compress(b"<p>" + b"x" * 20_000_000, quality=1), headers={"Content-Encoding": "br"}),
    "too large a page": answer("<p>" + "x" * 3_000_000),
    "a page that grows too large": page("document.body.append('x'.repeat(3e6))"),
    "redirects in a circle": redirect("/page"),
    "nothing": answer(b"", status="204 No Content"),
}


@pytest.mark.parametrize("harm", UNUSABLE.values(), ids=UNUSABLE)
async def test_what_is_no_page_or_too_much_of_one_is_unusable(here: Browsing, hostile: Site, harm: Answer) -> None:
    assert isinstance(await suffer(here, hostile, harm), PageUnusable)


ROUND_AND_ROUND = {
    "by itself": "setTimeout(() => location.reload(), 500)",
    "by another address": "setTimeout(() => { location = '/page?' + Math.random() }, 500)",
}


@pytest.mark.parametrize("script", ROUND_AND_ROUND.values(), ids=ROUND_AND_ROUND)
async def test_a_page_that_loads_itself_for_ever_is_shown_as_it_is_in_between(
    here: Browsing, hostile: Site, script: str
) -> None:
    assert b"Sentence number 29" in (await shown(here, hostile, page(script))).body


async def test_a_page_that_asks_for_a_password_gets_none_and_is_shown(here: Browsing, hostile: Site) -> None:
    asking = answer(f"<p>{SENTENCES}", status="401 Unauthorized", headers={"WWW-Authenticate": "Basic realm=x"})

    assert (await shown(here, hostile, asking)).status == 401
    assert not any("authorization" in request.lower() for request in hostile.requests)


UNREACHABLE = {"silence": silence, "no answer": raw(b""), "no HTTP": raw(b"SSH-2.0-OpenSSH\r\n\r\n")}


@pytest.mark.parametrize("harm", UNREACHABLE.values(), ids=UNREACHABLE)
async def test_a_site_that_does_not_answer_is_unreachable(here: Browsing, hostile: Site, harm: Answer) -> None:
    assert isinstance(await suffer(here, hostile, harm), PageUnreachable)


async def test_a_page_that_never_ends_is_shown_as_far_as_it_came(here: Browsing, hostile: Site) -> None:
    dripping = endless(HTML_HEAD + f"<title>T</title><p>{SENTENCES}</p>".encode(), b"<!-- -->", pause_s=0.1)

    assert b"Sentence number 29" in (await shown(here, hostile, dripping)).body


async def test_an_app_that_fetches_its_text_late_is_waited_for(here: Browsing, hostile: Site) -> None:
    async def late(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(1)
        await answer(SENTENCES, content_type="text/plain")(writer)

    hostile.answers["/late"] = late
    script = "setTimeout(() => fetch('/late').then(a => a.text()).then(t => document.body.append(t)), 600)"

    fetched = await shown(here, hostile, page(script, text="Loading."))

    assert b"Sentence number 29" in fetched.body
    assert (fetched.status, fetched.media_type, fetched.charset) == (200, "text/html", "utf-8")


async def test_what_a_page_says_to_visitors_without_scripts_is_left_out(here: Browsing, hostile: Site) -> None:
    harm = answer(f"<noscript>Please enable JavaScript.</noscript><p>{SENTENCES}</p>")

    assert b"enable JavaScript" not in (await shown(here, hostile, harm)).body


async def test_an_error_page_keeps_its_status_and_a_later_page_has_its_own(here: Browsing, hostile: Site) -> None:
    hostile.answers["/other"] = page()
    first = answer(f"<p>{SENTENCES}</p>", status="403 Forbidden", headers={"cf-mitigated": "challenge"})
    onwards = answer("<script>location.replace('/other')</script>", status="503 Busy", headers={"cf-mitigated": "x"})

    refused, passed = await shown(here, hostile, first), await shown(here, hostile, onwards)

    assert (refused.status, refused.headers["cf-mitigated"]) == (403, "challenge")
    assert (passed.status, passed.url, dict(passed.headers)) == (200, hostile.url("/other"), {})


COOKIE = {"Set-Cookie": "user=one; Path=/"}
TO_OTHER = {
    "its own answer": answer(f"<p>{SENTENCES}</p>", headers=COOKIE),
    "a redirect": redirect("/other", headers=COOKIE),
    "a script": answer(f"<script>location.replace('/other')</script><p>{SENTENCES}", headers=COOKIE),
    "a refresh": answer("<meta http-equiv=refresh content='0;url=/other'>", headers=COOKIE),
}


@pytest.mark.parametrize("first", TO_OTHER.values(), ids=TO_OTHER)
async def test_a_page_that_sets_a_cookie_on_its_way_is_known_to_be_personal(
    here: Browsing, hostile: Site, first: Answer
) -> None:
    hostile.answers["/other"] = page()

    assert is_personal(await shown(here, hostile, first))
    assert not is_personal(await shown(here, hostile, page()))


async def test_plain_text_stays_plain(here: Browsing, hostile: Site) -> None:
    fetched = await shown(here, hostile, answer("a < b\n", content_type="text/plain"))

    assert (fetched.media_type, fetched.body) == ("text/plain", b"a < b\n")


async def test_pictures_films_and_fonts_are_not_asked_for(here: Browsing, hostile: Site) -> None:
    markup = "<img src=/i><video src=/v autoplay></video><audio src=/a autoplay></audio>"
    style = "<style>@font-face {font-family: f; src: url(/f)} p {font-family: f}</style>"

    await shown(here, hostile, answer(f"{style}{markup}<p>{SENTENCES}</p>"))

    asked = {request.split(" ")[1] for request in hostile.requests}
    assert asked <= {"/page", "/favicon.ico"}


async def test_pages_share_no_cookies_and_no_storage(here: Browsing, hostile: Site) -> None:
    script = (
        "localStorage.seen = 1 + (+localStorage.seen || 0); document.cookie = 'a=1'; document.title = localStorage.seen"
    )

    for _ in range(2):
        assert b"<title>1</title>" in (await shown(here, hostile, page(script))).body
    pages = [request for request in hostile.requests if request.startswith("GET /page ")]
    assert len(pages) == 2
    assert not any("Cookie:" in request for request in pages)
