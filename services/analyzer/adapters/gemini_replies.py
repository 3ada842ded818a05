"""What a reply of Gemini's says, whichever library read it: text, or why there is none."""

from dataclasses import dataclass

from shared.bookmarks import Tokens
from shared.errors import AnswerUnusable, ContentBlocked

_BLOCKED = frozenset({"SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII"})


@dataclass(frozen=True, slots=True)
class Reply:
    """A 200 in plain values.

    Attributes:
        text: the first candidate's words without its thoughts; None when there is no candidate.
        finish: why the candidate ended, in Gemini's words: `STOP`, `MAX_TOKENS`, `SAFETY`.
        prompt_blocked: whether the safety rules refused the question itself.
        model: the model that answered, as it names itself; empty where it does not.
    """

    text: str | None
    finish: str
    prompt_blocked: bool
    model: str
    tokens: Tokens


def said(reply: Reply) -> str:
    """The reply's text.

    Raises:
        ContentBlocked: the provider's rules held it back.
        AnswerUnusable: there is none for another reason, or it was cut.
    """
    if reply.prompt_blocked:
        raise ContentBlocked("The provider's safety rules refuse this page.")
    if reply.text is None:
        raise AnswerUnusable("The provider's answer is empty.")
    if reply.finish in _BLOCKED:
        raise ContentBlocked("The provider's safety rules held back what it would say of this page.")
    if reply.finish == "MAX_TOKENS":
        raise AnswerUnusable("The provider's answer was cut at its longest.")
    if not reply.text:
        raise AnswerUnusable("The provider's answer holds no text.")
    return reply.text
