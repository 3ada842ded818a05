"""HTML into our own small tree, by lxml: of the parsers at hand it costs least for a page gone through from Python."""

import re
from collections.abc import Mapping

from lxml import etree

from services.scraper.domain.content.tree import Element

_DEEPEST = 250
"""What is nested deeper is text of the element there: pages have some dozens of levels, and rules recur by level."""

_PASSED_OVER = frozenset({"style", "svg", "template", "canvas", "object", "applet", "audio", "map"})
"""Elements that hold nothing to read."""

_SEEN = frozenset({"audio", "canvas", "object"})
"""Those of them that tell something by being there: a page of hardly a word may be a player."""

_OF_PAGE = frozenset({"html", "body"})
_VERBATIM = frozenset({"pre", "textarea", "script"})
_LINE = "js-file-line"
"""What GitHub calls the cells that hold a line of code, where others have a `pre`."""

_BLANKS = re.compile(r"[\t\r\n\f][ \t\r\n\f]*| [ \t\r\n\f]+")
"""Runs of blanks that are no single space: those are most, and can stay."""


def parse(source: str) -> Element:
    """The tree of a page, its texts with single blanks; empty when there is nothing to be read."""
    parser = etree.HTMLParser(
        encoding="utf-8", remove_comments=True, remove_pis=True, huge_tree=True, target=(tree := _Tree())
    )
    try:
        etree.fromstring(source.replace("\x00", "").encode("utf-8", "replace"), parser)
    except etree.XMLSyntaxError as error:
        if error.code != etree.ErrorTypes.ERR_DOCUMENT_EMPTY:
            raise  # out of memory, for one
    return tree.close()


class _Tree:
    """What the parser tells of a page as it goes along, made a tree at once: one of lxml's own would cost as much."""

    def __init__(self) -> None:
        self._root: Element | None = None
        self._open: list[Element] = []
        self._texts: list[str] = []  # since the last tag: entities divide a text
        self._verbatim = self._skipped = self._deeper = 0  # levels, counted from where each began

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """An element begins."""
        if "shadowrootmode" in attributes and tag == "template":
            tag = "div"  # a part of the page that its component shows, not one kept for later
        if self._skipped or tag in _PASSED_OVER:
            self._end_text()
            if self._open and not self._skipped and tag in _SEEN:
                self._below(tag, attributes)
            self._skipped += 1
        elif len(self._open) > _DEEPEST:
            self._deeper += 1
            self._texts.append(" ")
        else:
            self._end_text()
            self._open.append(self._again(tag) or self._below(tag, attributes))
            if self._verbatim or tag in _VERBATIM or (tag == "td" and _LINE in attributes.get("class", "")):
                self._verbatim += 1

    def end(self, _tag: str) -> None:
        """The element that began last and has not ended yet ends."""
        if self._skipped:
            self._skipped -= 1
        elif self._deeper:
            self._deeper -= 1
            self._texts.append(" ")
        else:
            self._end_text()
            self._open.pop()
            if self._verbatim:
                self._verbatim -= 1

    def data(self, text: str) -> None:
        """A piece of text."""
        if not self._skipped:
            self._texts.append(text)

    def close(self) -> Element:
        """The whole page."""
        return self._root or Element("html")

    def _below(self, tag: str, attributes: Mapping[str, str]) -> Element:
        element = Element(tag, dict(attributes))
        if self._open:
            self._open[-1].add(element)
        else:
            self._root = element
        return element

    def _again(self, tag: str) -> Element | None:
        """The body once more, for what stands after the page's end: browsers put it there, too."""
        if self._root is None or len(self._open) > 1 or tag not in _OF_PAGE:
            return None
        body = next((each for each in self._root.elements() if each.tag == "body"), None)
        return body or (None if self._open else self._root)

    def _end_text(self) -> None:
        if not self._texts:
            return
        text = "".join(self._texts)
        self._texts.clear()
        if self._open:
            self._open[-1].add(text if self._verbatim else _BLANKS.sub(" ", text))
