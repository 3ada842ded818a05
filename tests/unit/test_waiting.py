"""Every reason to wait is told in words, with something to do about it."""

from datetime import UTC, datetime

import pytest

from shared.values import Stage, WaitReason
from shared.waiting import wait_sentence, words_of

UNTIL = datetime(2026, 11, 26, 8, tzinfo=UTC)


@pytest.mark.parametrize("reason", [None, *WaitReason])
def test_every_reason_has_its_words_and_advice(reason: WaitReason | None) -> None:
    words = words_of(reason)

    assert words.because[0].islower()
    assert not words.because.endswith(".")
    assert words.advice.endswith(".")


def test_no_two_reasons_share_their_words() -> None:
    assert len({words_of(reason).because for reason in WaitReason}) == len(WaitReason)


def test_a_sentence_says_how_much_waits_for_what_until_when_and_why() -> None:
    assert wait_sentence(Stage.ANALYZE, 12, WaitReason.QUOTA_DAY, UNTIL) == (
        "12 pages wait to be analysed until 2026-11-26 08:00:00 UTC: the day's calls to the provider are used up."
    )
    assert wait_sentence(Stage.SCRAPE, 1, WaitReason.PAUSED, None) == (
        "1 page waits to be fetched: an operator has paused this user."
    )
    assert wait_sentence(Stage.RENDER, 1_200, None, None) == (
        "1,200 pages wait to be opened in a browser: others are served first."
    )
