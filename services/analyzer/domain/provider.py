"""The provider as the analyzer sees it: items go in, findings come back by the items' ids."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NewType, Protocol

from shared.bookmarks import Tokens
from shared.keys import ApiKey
from shared.preferences import OF_THE_PAGE, Language

ItemId = NewType("ItemId", str)
"""Names one page within a request, and its part of the answer."""


@dataclass(frozen=True, slots=True)
class Item:
    """One page as the provider is asked about it.

    Attributes:
        answer_in: the language its owner wants the answer in.
        chars_left_out: how much of the page's text was too much for one request, at its end.
    """

    id: ItemId
    title: str
    url: str
    text: str
    language: str | None = None
    answer_in: Language = OF_THE_PAGE
    chars_left_out: int = 0


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found in one page: the fields of an analysis that do not depend on who found them."""

    key_concepts: tuple[str, ...]
    content_type: str
    difficulty: str
    technologies: tuple[str, ...]
    learning_path: str
    project_applicability: str
    skill_development: str
    summary: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What one request came to.

    Attributes:
        findings: by item; items the answer missed, or said something unusable of, are not in it.
        tokens: what the whole request cost.
        model: the model that answered, as it names itself.
    """

    findings: Mapping[ItemId, Findings]
    model: str
    tokens: Tokens = field(default_factory=Tokens)


class Provider(Protocol):
    """Analyses pages on the key it is handed; keeps nothing between requests that could mix two keys up."""

    @property
    def model(self) -> str:
        """The model that is asked."""
        ...

    async def prepare(self, key: ApiKey) -> None:
        """Do beforehand what a first request on this key takes time for, so that no permit lapses over it."""
        ...

    async def analyse(self, key: ApiKey, items: Sequence[Item]) -> Answer:
        """Ask once, without any retry, about one to a few pages, with this key and no other.

        No error holds the key, not even in its causes.

        Raises:
            KeyRefused: the key is not accepted (`KeyExpired`: no longer), or its plan allows no calls at all.
            ContentBlocked: the provider's safety rules refuse at least one of the items.
            ProviderQuotaSpent: the key's quota is used up; which window, until when, and what it says of its limits.
            ProviderUnreached: the request provably never left; its quota may be given back.
            ProviderDown: overloaded, failing, or silent; the request may have counted.
            AnswerUnusable: nothing in the answer can be used.
        """
        ...

    async def close(self) -> None:
        """Let go of every connection."""
        ...
