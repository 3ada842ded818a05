"""Which versions of the prompt are outdated."""

import pytest

from services.producer.domain.reanalysing import is_outdated
from shared.values import PROMPT_VERSION


@pytest.mark.parametrize(
    ("version", "up_to", "outdated"),
    [
        ("2025-9", "2025-10", True),
        ("2025-10", "2025-9", False),
        ("2025-9", "2025-9", True),
        ("2025-9", PROMPT_VERSION, True),
        (PROMPT_VERSION, PROMPT_VERSION, False),
        (PROMPT_VERSION, "9999", False),
        ("old", "old", True),
        ("old", "2025-1", True),
        ("2025-1", "old", False),
    ],
)
def test_a_version_is_outdated_up_to_the_one_given_but_never_the_present_one(
    version: str, up_to: str, outdated: bool
) -> None:
    assert is_outdated(version, up_to=up_to) is outdated
