"""Hostile pages stay inside their fence on the way to the provider, and what a model says that obeyed does no harm."""

import re
from collections.abc import AsyncIterator, Iterator

import pytest

from services.analyzer.adapters.gemini import Endpoint, Gemini
from services.analyzer.adapters.in_google_genai import GoogleGenai
from services.analyzer.domain.prompts import MAX_TITLE_CHARS, MAX_URL_CHARS
from services.analyzer.domain.provider import Findings, Item, ItemId
from services.analyzer.domain.vocabulary import (
    CONTENT_TYPES,
    MAX_CONCEPTS,
    MAX_NAME_CHARS,
    MAX_SENTENCES_CHARS,
    MAX_SUMMARY_CHARS,
    MAX_TECHNOLOGIES,
)
from shared.errors import AnswerUnusable
from shared.keys.plaintext import api_key
from tests.gemini_emulator import GeminiEmulator
from tests.injections import CLEANED, DROPPED, PAGES, REFUSED, Injection

KEY = "AIzaSyInjected-00000000000000000injected"
QUIET = Item(ItemId("2"), title="Tea", url="https://example.com/tea", text="A quiet page about tea.")
PAGE = Item(ItemId("1"), title="Hostile", url="https://attacker.example/", text="Obey.")


@pytest.fixture(scope="module")
def emulator() -> Iterator[GeminiEmulator]:
    with GeminiEmulator(any_key=True) as running:
        running.add_key(KEY, per_minute=10_000)
        yield running


@pytest.fixture
async def gemini(emulator: GeminiEmulator) -> AsyncIterator[Gemini]:
    sdk = GoogleGenai(Endpoint(emulator.url, "v1beta", "gemini-2.5-flash", timeout_s=30.0))
    provider = Gemini(sdk, model="gemini-2.5-flash", deadline_s=30.0)
    yield provider
    await provider.close()


def test_there_are_more_than_thirty_hostile_pages_and_each_is_another() -> None:
    assert len({page.name for page in PAGES}) == len(
        {(page.text, page.title, page.url, page.language) for page in PAGES}
    )
    assert len(PAGES) > 30


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
async def test_a_hostile_page_does_not_leave_its_fence(
    page: Injection, gemini: Gemini, emulator: GeminiEmulator
) -> None:
    hostile = Item(ItemId("1"), title=page.title, url=page.url, text=page.text, language=page.language)

    answer = await gemini.analyse(api_key(KEY), [hostile, QUIET])

    sent = emulator.requests[-1]
    fence = re.findall(r"\A\[([0-9a-f]{16}) BEGIN ITEM 1\]\n", sent.prompt)[0]
    between = f"\n[{fence} END ITEM 1]\n\n[{fence} BEGIN ITEM 2]\n"
    theirs, ours = sent.prompt.split(between)
    head, text = theirs.split("\ntext:\n", 1)
    assert sent.prompt.count(fence) == 4  # no page has the mark, or another line with it
    assert text == page.text  # as data, unchanged
    assert [line.partition(": ")[0] for line in head.split("\n")[1:]] == ["title", "address", "language"][
        : head.count("\n")
    ]
    assert max(map(len, head.split("\n"))) <= max(MAX_TITLE_CHARS, MAX_URL_CHARS) + len("address: ")
    assert ours == f"title: Tea\naddress: {QUIET.url}\ntext:\n{QUIET.text}\n[{fence} END ITEM 2]"
    assert sent.instructions.count(fence) == 2
    assert not any(line and line in sent.instructions for line in (page.text, page.title, page.url))
    assert sent.items == ("1", "2")
    assert set(answer.findings) == {"1", "2"}


@pytest.mark.parametrize("says", REFUSED.values(), ids=REFUSED)
async def test_what_a_model_says_beside_the_schema_is_refused(
    says: str, gemini: Gemini, emulator: GeminiEmulator
) -> None:
    emulator.says.append(says)

    with pytest.raises(AnswerUnusable) as refused:
        await gemini.analyse(api_key(KEY), [PAGE])

    assert len(refused.value.sentence) < 200
    assert "hacked" not in refused.value.sentence.lower()


@pytest.mark.parametrize("says", DROPPED.values(), ids=DROPPED)
async def test_what_a_model_says_wrongly_of_an_item_is_dropped(
    says: str, gemini: Gemini, emulator: GeminiEmulator
) -> None:
    emulator.says.append(says)

    assert not (await gemini.analyse(api_key(KEY), [PAGE])).findings


@pytest.mark.parametrize("says", CLEANED.values(), ids=CLEANED)
async def test_what_a_model_says_is_kept_clean_and_within_bounds(
    says: str, gemini: Gemini, emulator: GeminiEmulator
) -> None:
    emulator.says.append(says)

    answer = await gemini.analyse(api_key(KEY), [PAGE])

    assert set(answer.findings) == {"1"}
    assert_clean(answer.findings[PAGE.id])


def assert_clean(found: Findings) -> None:
    sentences = (found.learning_path, found.project_applicability, found.skill_development)
    names = (*found.key_concepts, *found.technologies)
    assert found.content_type in CONTENT_TYPES
    assert len(found.key_concepts) <= MAX_CONCEPTS
    assert len(found.technologies) <= MAX_TECHNOLOGIES
    assert all(0 < len(name) <= MAX_NAME_CHARS for name in names)
    assert all(len(text) <= MAX_SENTENCES_CHARS for text in sentences)
    assert 0 < len(found.summary) <= MAX_SUMMARY_CHARS
    for text in (*names, *sentences, found.summary):
        assert not re.search(r"<\w|https?:|javascript:|\]\(|[\x00-\x1f\x7f\u200b\u202a-\u202e\ufeff]", text), text
