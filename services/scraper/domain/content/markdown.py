"""A tree written as Markdown-like text: headings, lists, code blocks, tables and quotes keep their shape.

Emphasis and the addresses of links are left out: they cost an analysis tokens and tell it little. `links_in` has those.
"""

import re
from collections.abc import Callable, Iterator

from services.scraper.domain.content.tree import HEADINGS, LISTS, Element

_BLOCKS = frozenset(
    "address article aside blockquote body center dd details dialog dir div dl dt fieldset figcaption figure footer"
    " form h1 h2 h3 h4 h5 h6 header hgroup hr html legend li main menu nav ol p pre section summary table tbody td"
    " tfoot th thead tr ul caption option select".split()
)
_CODE = frozenset({"code", "kbd", "samp", "tt"})
_LINES_OF_CODE = frozenset({"div", "li", "p", "tr"})
_BLANKS = re.compile(r"[ \t\r\f\v\xa0]+")
_AROUND_BREAK = re.compile(r" *\n *")
_LANGUAGE = re.compile(
    r"(?:^|\s)(?:lang(?:uage)?-|highlight-source-|highlight-(?=\w+ notranslate)|brush:\s*)"
    r"([a-z][\w+#.-]{0,19})(?=[\s;]|$)",
    re.IGNORECASE,
)
_NO_LANGUAGES = frozenset("none text txt plain plaintext default".split())
_LINE_NUMBERS = frozenset({"lineno", "linenos", "line-number", "linenumber", "gutter", "ln", "lnt"})
_NUMBER = re.compile(r"-?\d{1,9}")
_IN_LAYOUTS = ("pre", "h1", "h2", "h3", "ul", "blockquote", "div")


def blocks_of(element: Element) -> list[str]:
    """The element's content as blocks of text: paragraphs, headings, lists, code, tables."""
    return _Writer(element).blocks(element)


class _Writer:
    def __init__(self, root: Element) -> None:
        self._holders = _holders(root)

    def blocks(self, element: Element) -> list[str]:
        """The blocks of text in an element, each without blank lines around it."""
        blocks: list[str] = []
        line: list[str] = []
        for child in element.children:
            if isinstance(child, str):
                line.append(child.replace("\n", " "))
            elif child.tag in _BLOCKS or child in self._holders:
                blocks += _flowing(line)
                line = []
                blocks += self._block(child)
            else:
                line.append(_inline(child))
        blocks += _flowing(line)
        return blocks

    def _block(self, element: Element) -> list[str]:
        tag = element.tag
        if tag in HEADINGS:
            text = self._on_one_line(element)
            return [f"{'#' * int(tag[1])} {text}"] if text else []
        if tag in LISTS:
            return self._list(element)
        if tag == "blockquote":
            return ["\n".join(f"> {line}".rstrip() for line in text.split("\n")) for text in self.blocks(element)]
        return self._table(element) if tag == "table" else _SHAPED.get(tag, self.blocks)(element)

    def _on_one_line(self, element: Element) -> str:
        return " ".join(" ".join(self.blocks(element)).split())

    def _list(self, element: Element) -> list[str]:
        items: list[str] = []
        number = _number(element.get("start"), 1)
        for child in element.children:
            if isinstance(child, str):
                items += _flowing([child])
            elif child.tag == "li":
                number = _number(child.get("value"), number)
                if item := self._item(child, f"{number}. " if element.tag == "ol" else "- "):
                    items += item
                    number += 1
            else:
                items += self._block(child)
        return ["\n".join(items)] if items else []

    def _item(self, element: Element, mark: str) -> list[str]:
        blocks = self.blocks(element)
        if not blocks:
            return []
        return [mark + "\n".join(blocks).replace("\n", "\n" + " " * len(mark))]

    def _table(self, table: Element) -> list[str]:
        rows = [each for each in table.walk() if each.tag == "tr"]
        if _is_layout(table, rows):
            return self.blocks(table)
        caption = table.first("caption")
        above = self.blocks(caption) if caption else []
        lines = [line for row in rows if (line := self._row(row))]
        return [*above, "\n".join(lines)] if lines else above

    def _row(self, row: Element) -> str:
        cells = [self._on_one_line(cell) for cell in row.elements()]
        return f"| {' | '.join(cells)} |" if any(cells) else ""


def _holders(root: Element) -> set[Element]:
    """Inline elements that have a block within: they are written as blocks."""
    holders: set[Element] = set()
    for each in root.walk():
        if each.tag in _BLOCKS:
            for ancestor in each.ancestors():
                if ancestor.tag in _BLOCKS or ancestor in holders:
                    break
                holders.add(ancestor)
    return holders


def _flowing(line: list[str]) -> list[str]:
    text = _AROUND_BREAK.sub("\n", _BLANKS.sub(" ", "".join(line))).strip()
    return [text] if text else []


def _inline(element: Element) -> str:
    if element.tag == "br":
        return "\n"
    text = "".join(child.replace("\n", " ") if isinstance(child, str) else _inline(child) for child in element.children)
    if element.tag in _CODE and text.strip() and "`" not in text and "\n" not in text:
        return f"`{text.strip()}`"
    return text


def _number(told: str, otherwise: int) -> int:
    return int(told) if _NUMBER.fullmatch(told) else otherwise


def _code(element: Element) -> list[str]:
    text = "".join(_verbatim(element)).replace("\r\n", "\n").replace("\r", "\n").replace("\xa0", " ")
    text = text.strip("\n").rstrip()
    if not text or _only_numbers_lines(element, text):
        return []
    fence = "````" if "```" in text else "```"
    return [f"{fence}{_language_of(element)}\n{text}\n{fence}"]


def _only_numbers_lines(element: Element, text: str) -> bool:
    """Whether it counts the lines of the code beside it."""
    around = [element, *(parent for parent, _ in zip(element.ancestors(), range(3), strict=False))]
    return any(each.is_called(*_LINE_NUMBERS) for each in around) and all(map(str.isdecimal, text.split()))


def _language_of(element: Element) -> str:
    """What the code is written in, as its page says; empty when it does not."""
    around = [parent for parent, _ in zip(element.ancestors(), range(2), strict=False)]
    for each in (element, *element.elements(), *around):
        told = _LANGUAGE.search(each.get("class"))
        language = (told[1] if told else "").lower()
        if language and language not in _NO_LANGUAGES:
            return language
    return ""


def _verbatim(element: Element) -> Iterator[str]:
    for child in element.children:
        if isinstance(child, str):
            yield child
        elif child.tag == "br":
            yield "\n"
        elif not child.is_called(*_LINE_NUMBERS):
            text = "".join(_verbatim(child))
            yield text if child.tag not in _LINES_OF_CODE or text.endswith("\n") else f"{text}\n"


def _is_layout(table: Element, rows: list[Element]) -> bool:
    """Whether it arranges the page rather than data: one cell a row, or cells that hold blocks or tables."""
    if table.first(*_IN_LAYOUTS) or any(each.tag == "table" and each is not table for each in table.walk()):
        return True
    return all(sum(1 for _ in row.elements()) <= 1 for row in rows)


_SHAPED: dict[str, Callable[[Element], list[str]]] = {"pre": _code, "hr": lambda _: ["---"]}
