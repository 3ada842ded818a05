"""Preferences in this process's memory."""

from dataclasses import dataclass, field

from shared.audit import Actor
from shared.audit.in_memory import InMemoryAudit
from shared.preferences import OF_THE_PAGE, Language
from shared.values import UserId


@dataclass(slots=True)
class InMemoryPreferences:
    """Keeps the promises of `shared.preferences.Preferences`."""

    default: Language = OF_THE_PAGE
    audit: InMemoryAudit = field(default_factory=InMemoryAudit)
    languages: dict[UserId, Language] = field(default_factory=dict)

    async def language_of(self, user: UserId) -> Language:
        """The user's own wish, else the default."""
        return self.languages.get(user, self.default)

    async def set_language(self, user: UserId, wanted: Language | None, *, by: Actor) -> None:
        """Set it, or drop it."""
        if wanted is None:
            self.languages.pop(user, None)
        else:
            self.languages[user] = wanted
        await self.audit.record(by, "language_set", user, {"language": wanted or "default"})
