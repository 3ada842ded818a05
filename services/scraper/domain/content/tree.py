"""A page as a small tree of elements and texts that rules can measure, and nothing of the parser that read it."""

from collections.abc import Iterator, Mapping
from typing import Self

LONGEST_NAMES = 1_000
"""Characters of what a site calls an element that are looked at."""

HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
LISTS = frozenset({"ul", "ol"})
_TEXTISH = frozenset({"span", "li", "td", "blockquote", "dl", "div", "img", "ol", "p", "pre", "table", "ul"})
_WITHIN_PAGE = 0.3
"""A link within the page (a note, a table of contents) is less of a link than one that leads away."""


class Element:
    """One element with its children in order: elements, and texts whose runs of blanks are one (but in `pre`).

    Attributes:
        tag: lower case.
        attributes: as the page has them, names in lower case.
        parent: None for the root, and for an element that is not in a tree yet.
        chars: characters of text within; those of links, headings and lists are parts of it.
        commas: within; prose has them, menus have not.
    """

    __slots__ = (
        "attributes",
        "chars",
        "children",
        "commas",
        "heading_chars",
        "images",
        "inputs",
        "items",
        "link_chars",
        "list_chars",
        "paragraphs",
        "parent",
        "tag",
        "textish_chars",
    )

    def __init__(self, tag: str, attributes: Mapping[str, str] | None = None) -> None:
        self.tag = tag
        self.attributes: Mapping[str, str] = attributes or {}
        self.children: list[Element | str] = []
        self.parent: Element | None = None
        self.chars = self.commas = self.paragraphs = self.images = self.items = self.inputs = 0
        self.heading_chars = self.list_chars = self.textish_chars = 0
        self.link_chars = 0.0

    def add(self, child: Self | str) -> None:
        """Put a child after the others."""
        self.children.append(child)
        if not isinstance(child, str):
            child.parent = self

    def get(self, name: str) -> str:
        """An attribute's value, empty when there is none."""
        return self.attributes.get(name, "")

    @property
    def names(self) -> str:
        """What the site calls it: class and id, as far as anybody looks at them."""
        return f"{self.attributes.get('class', '')} {self.attributes.get('id', '')}"[:LONGEST_NAMES]

    @property
    def link_density(self) -> float:
        """Share of the text that is links, 0 to 1."""
        return self.link_chars / self.chars if self.chars else 0.0

    def elements(self) -> "Iterator[Element]":
        """The children that are elements."""
        return (child for child in self.children if not isinstance(child, str))

    def walk(self) -> "Iterator[Element]":
        """This element and all within, each before what it holds."""
        stack = [self]
        while stack:
            element = stack.pop()
            yield element
            for child in reversed(element.children):
                if not isinstance(child, str):
                    stack.append(child)  # noqa: PERF401 - a list in between costs more for the few children there are

    def first(self, *tags: str) -> "Element | None":
        """The first element of one of these tags within."""
        return next((each for each in self.walk() if each.tag in tags), None)

    def called(self, *names: str) -> "list[Element]":
        """All within that have one of these classes, in order; what stands in another of them is part of that."""
        found, stack = [], [self]
        while stack:
            element = stack.pop()
            if element.is_called(*names):
                found.append(element)
            else:
                stack += [child for child in reversed(element.children) if not isinstance(child, str)]
        return found

    def is_called(self, *names: str) -> bool:
        """Whether it has one of these classes."""
        classes = self.attributes.get("class")
        return classes is not None and not set(names).isdisjoint(classes.split())

    def by_id(self, identity: str) -> "Element | None":
        """The first element of this id within."""
        return next((each for each in self.walk() if each.attributes.get("id") == identity), None)

    def ancestors(self) -> "Iterator[Element]":
        """Its parent, the parent's parent, and so on."""
        element = self.parent
        while element is not None:
            yield element
            element = element.parent

    def text(self) -> str:
        """All text within, one blank between elements."""
        return " ".join(" ".join(self.texts()).split())

    def texts(self) -> Iterator[str]:
        """All texts within, in order, as they are."""
        stack: list[Element | str] = [self]
        while stack:
            node = stack.pop()
            if isinstance(node, str):
                yield node
            else:
                stack += reversed(node.children)

    def measure(self) -> None:
        """Count what is within this element and every one in it; due after a change."""
        for element in reversed(list(self.walk())):
            element.count()

    def count(self) -> None:
        """Count what is within this element, from what its children have counted."""
        # One plain loop: it runs several times for every element of every page.
        chars = commas = paragraphs = images = items = inputs = heading = listed = textish = 0
        links = 0.0
        for child in self.children:
            if isinstance(child, str):
                chars += len(child)
                commas += child.count(",")
                continue
            tag, within = child.tag, child.chars
            chars += within
            commas += child.commas
            links += child.link_chars
            heading += within if tag in HEADINGS else child.heading_chars
            listed += within if tag in LISTS else child.list_chars
            textish += within if tag in _TEXTISH else child.textish_chars
            paragraphs += child.paragraphs + (tag == "p")
            images += child.images + (tag == "img")
            items += child.items + (tag == "li")
            inputs += child.inputs + (tag == "input")
        if self.tag == "a":
            links = chars * (_WITHIN_PAGE if self.get("href").startswith("#") else 1.0)
        self.chars, self.commas, self.link_chars = chars, commas, links
        self.paragraphs, self.images, self.items, self.inputs = paragraphs, images, items, inputs
        self.heading_chars, self.list_chars, self.textish_chars = heading, listed, textish
