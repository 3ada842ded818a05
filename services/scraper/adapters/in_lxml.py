"""HTML into our own small tree, by lxml: of the parsers at hand it costs least for a page gone through from Python."""

import re

from lxml import etree

from services.scraper.domain.content.tree import Element

_DEEPEST = 250
"""What is nested deeper is text of the element there: pages have some dozens of levels, and rules recur by level."""

_PASSED_OVER = frozenset({"style", "svg", "template", "canvas", "object", "applet", "audio", "map"})
"""Elements that hold nothing to read."""

_VERBATIM = frozenset({"pre", "textarea", "script"})
_BLANKS = re.compile(r"[ \t\r\n\f]+")


def parse(source: str) -> Element:
    """The tree of a page, its texts with single blanks; empty when there is nothing to be read."""
    root = _parsed(source)
    if root is None:
        return Element("html")
    tree = Element(str(root.tag).lower(), dict(root.items()))
    stack = [(root, tree, False, 0)]
    while stack:
        source_element, element, verbatim, depth = stack.pop()
        children = element.children
        if text := source_element.text:
            children.append(_text(text, verbatim=verbatim))
        for child in source_element:
            tag = child.tag
            if tag.__class__ is not str or tag in _PASSED_OVER:
                pass
            elif depth < _DEEPEST:
                below = Element(tag, dict(child.items()))
                below.parent = element
                children.append(below)
                stack.append((child, below, verbatim or tag in _VERBATIM, depth + 1))
            else:
                children.append(_text(" ".join(child.itertext()), verbatim=verbatim))
            if text := child.tail:
                children.append(_text(text, verbatim=verbatim))
    return tree


def _parsed(source: str) -> etree._Element | None:
    parser = etree.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, huge_tree=True)
    try:
        return etree.fromstring(source.replace("\x00", "").encode("utf-8", "replace"), parser)
    except etree.XMLSyntaxError as error:
        if error.code == etree.ErrorTypes.ERR_DOCUMENT_EMPTY:
            return None
        raise  # out of memory, for one


def _text(text: str, *, verbatim: bool) -> str:
    if verbatim:
        return text
    return " " if text.isspace() else _BLANKS.sub(" ", text)
