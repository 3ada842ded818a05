"""A provider in this process's memory, for tests: answers by rule, and remembers what it was asked."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from services.analyzer.domain.provider import Answer, Findings, Item
from shared.bookmarks import Tokens
from shared.errors import FleetError
from shared.keys import ApiKey

Rule = Callable[[ApiKey, Sequence[Item]], FleetError | None]


def findings_of(item: Item) -> Findings:
    """Findings that say which item they are of."""
    return Findings(
        key_concepts=(item.title or item.id,),
        content_type="article",
        difficulty="intermediate",
        technologies=(),
        learning_path="Known.",
        project_applicability="Known.",
        skill_development="Known.",
        summary=f"About {item.title or item.id}.",
    )


def _never(_: ApiKey, __: Sequence[Item]) -> FleetError | None:
    return None


async def _nothing() -> None:
    pass


@dataclass(slots=True)
class InMemoryProvider:
    """Keeps the promises of `domain.provider.Provider`.

    Attributes:
        refuses: the error to raise for a request, if any.
        misses: ids an answer leaves out.
        asked: every request, as (the key, the items' ids).
        meanwhile: what happens while a request is on its way.
    """

    model: str = "in-memory"
    refuses: Rule = _never
    misses: set[str] = field(default_factory=set)
    asked: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    meanwhile: Callable[[], Awaitable[None]] = _nothing

    async def prepare(self, key: ApiKey) -> None:
        """Nothing takes time."""

    async def analyse(self, key: ApiKey, items: Sequence[Item]) -> Answer:
        """Answer all items but the missed ones."""
        self.asked.append((key.get_secret_value(), tuple(item.id for item in items)))
        await self.meanwhile()
        if (error := self.refuses(key, items)) is not None:
            raise error
        found = {item.id: findings_of(item) for item in items if item.id not in self.misses}
        return Answer(found, model=self.model, tokens=Tokens(prompt=100, answer=10))

    async def close(self) -> None:
        """Nothing to let go of."""
