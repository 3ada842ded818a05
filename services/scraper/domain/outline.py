"""What stands where on a page, beside its content: what the gate needs to tell a page from a notice in its place."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Outline:
    """A page as its reader sees it at a glance, without navigation, remarks, banners and what is hidden.

    Attributes:
        headings: of the first three levels, in order; the first few.
        lines: all texts that stand on their own, in order: headings, paragraphs, items, buttons; the first many.
        without_scripts: what readers without scripts are told.
        links: on the whole page; notices have few.
        fields: to be filled in by a reader, passwords among them.
        passwords: fields for one, or for a code that was sent.
        names: fields for the name of an account.
        is_free: whether the page says that all may read it; None when it does not say.
        paid_words: words in the part that the page says is to be paid for; None when it names no such part.
        tier: what the page says of who may read it: `free`, `metered`, `locked`; mostly empty.
        has_wall: an element is named as one that stands before an article that has to be paid for.
        is_described: it says what it is or where it belongs, to search engines or social networks.
        is_unlisted: search engines are asked not to list it.
        sends_to: where a script or a refresh sends its reader at once.
        marks: what the site itself calls the page and what its first heading stands in: classes and ids.
        state: what the page's data tells programs it is: a status, a kind of page.
        promised_words: so many words its data says the article has; None when it does not say.
        players: films, sounds and pictures in the place of content.
    """

    headings: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    without_scripts: str = ""
    links: int = 0
    fields: int = 0
    passwords: int = 0
    names: int = 0
    is_free: bool | None = None
    paid_words: int | None = None
    tier: str = ""
    has_wall: bool = False
    is_described: bool = False
    is_unlisted: bool = False
    sends_to: str = ""
    marks: str = ""
    state: str = ""
    promised_words: int | None = None
    players: int = 0
