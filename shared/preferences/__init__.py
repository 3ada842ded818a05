"""What a user wishes: the language their analyses are written in."""

import re
from typing import Final, NewType, Protocol

from shared.audit import Actor
from shared.errors import InvalidInput
from shared.values import UserId

Language = NewType("Language", str)
"""A language's tag (BCP 47: `de`, `pt-BR`), or `OF_THE_PAGE`; made by `language`, which refuses anything else."""

OF_THE_PAGE: Final = Language("page")

PATTERN: Final = r"^(?:page|[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3})$"
"""What a `Language` looks like."""


class Preferences(Protocol):
    """What users wish; every method raises `LedgerUnavailable`."""

    async def language_of(self, user: UserId) -> Language:
        """The language the user's analyses are written in: the user's own wish, else the deployment's."""
        ...

    async def set_language(self, user: UserId, wanted: Language | None, *, by: Actor) -> None:
        """Set the user's wish, or leave it to the deployment again; recorded in the audit trail."""
        ...


def language(value: str) -> Language:
    """A language from outside.

    Raises:
        InvalidInput: it is neither `page` nor a tag.
    """
    if not re.fullmatch(PATTERN, value):
        raise InvalidInput("The language must be a tag such as `de` or `pt-BR`, or `page` for the page's own.")
    return Language(value)
