"""LeetCode's statements by its GraphQL: its pages are empty until their scripts run."""

import json

import pytest

from services.scraper.adapters.in_memory import AskerInMemory, FetcherInMemory, ReaderInProcess
from services.scraper.domain.content.sites import data_of
from services.scraper.domain.data_first import DataFirst
from services.scraper.domain.gate import Verdict
from services.scraper.domain.looking import FreshLook, Look
from services.scraper.domain.pages import Fetched
from shared.errors import FleetError, PageUnreachable, RobotsRefused
from shared.values import Strategy

PROBLEM = "https://leetcode.com/problems/two-leases/"
STATEMENT = (
    "<p>Given two leases, return the one that <code>ends</code> first. You may assume that both are held, and that"
    " neither of them is prolonged meanwhile.</p><pre>\nInput: a = 1, b = 2\nOutput: a\n</pre>"
)
SHELL = Fetched(url=PROBLEM, status=200, media_type="text/html", body=b'<body><div id="__next"></div></body>')


async def look(answer: Fetched | FleetError) -> Look:
    fetcher = DataFirst(FetcherInMemory({PROBLEM: SHELL}), AskerInMemory(answer))
    return await FreshLook(fetcher, ReaderInProcess(chars=10_000), Strategy.STATIC).look(PROBLEM)


def said(*, content: str | None, paid: bool = False) -> Fetched:
    question = {
        "title": "Two Leases",
        "content": content,
        "difficulty": "Easy",
        "isPaidOnly": paid,
        "topicTags": [{"name": "Greedy"}],
    }
    return data({"data": {"question": question}})


def data(value: object, *, status: int = 200) -> Fetched:
    return Fetched(url="", status=status, media_type="application/json", body=json.dumps(value).encode())


async def test_a_problem_is_read_from_the_sites_own_data() -> None:
    seen = await look(said(content=STATEMENT))

    assert seen.judgement.verdict is Verdict.OK
    assert seen.page.url == PROBLEM
    assert seen.reading.extracted.title == "Two Leases - LeetCode"
    assert "Difficulty: Easy · Topics: Greedy" in seen.reading.extracted.text
    assert "```\nInput: a = 1, b = 2\nOutput: a\n```" in seen.reading.extracted.text


async def test_a_statement_with_half_a_character_is_read() -> None:
    seen = await look(said(content=f"{STATEMENT}<p>And \ud83d more.</p>"))

    assert seen.judgement.verdict is Verdict.OK
    assert "And ? more." in seen.reading.extracted.text


async def test_a_problem_for_subscribers_alone_is_behind_a_paywall_and_tells_what_is_seen() -> None:
    seen = await look(said(content=None, paid=True))

    assert seen.judgement.verdict is Verdict.PAYWALL
    assert seen.reading.extracted.title == "Two Leases - LeetCode"
    assert "Topics: Greedy" in seen.reading.extracted.text


@pytest.mark.parametrize(
    "answer",
    [
        PageUnreachable("leetcode.com did not answer."),
        RobotsRefused("leetcode.com asks robots not to visit it."),
        data({}, status=403),
        data({"data": {"question": None}}),
        data([]),
        Fetched(url="", status=200, media_type="application/json", body=b"[" * 100_000),
    ],
    ids=["no answer", "not for robots", "refused", "no such problem", "another shape", "hostile"],
)
async def test_where_the_data_is_not_given_the_page_is_read_and_a_browser_asked_for(
    answer: Fetched | FleetError,
) -> None:
    seen = await look(answer)

    assert seen.page == SHELL
    assert seen.judgement.needs_browser


@pytest.mark.parametrize("path", ["two-leases", "two-leases/", "two-leases/description/", "two-leases/?envType=daily"])
async def test_a_problem_is_asked_for_as_the_sites_own_pages_do(path: str) -> None:
    asker, url = AskerInMemory(said(content=STATEMENT)), f"https://leetcode.com/problems/{path}"

    page = await DataFirst(FetcherInMemory({}), asker).fetch(url)

    [query] = asker.asked
    assert (query.address, query.page, page.url) == ("https://leetcode.com/graphql/", url, url)
    asked = json.loads(query.body)
    assert asked["variables"] == {"titleSlug": "two-leases"}
    assert f"query {asked['operationName']}(" in asked["query"]


@pytest.mark.parametrize(
    "url",
    [
        "https://leetcode.com/problemset/",
        "https://leetcode.com/problems/two-leases/solutions/1/",
        "https://leetcode.com.evil.example/problems/two-leases/",
        "https://example.org/problems/two-leases/",
        "https://[broken/problems/x",
    ],
)
def test_other_pages_have_no_data(url: str) -> None:
    assert data_of(url) is None
