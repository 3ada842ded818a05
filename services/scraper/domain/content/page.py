"""A page as handlers and rules are given it: its tree, where it came from, and what is looked up in it often."""

from collections import Counter
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from services.scraper.domain.content.data import objects, records
from services.scraper.domain.content.tree import Element

_MOST_PROPERTIES = 1_000


class Page:
    """A parsed page, gone through once.

    Attributes:
        tree: not measured.
        url: empty when nobody knows.
        parse: makes a tree of a piece of HTML, for pages that carry their content in data.
        meta: the contents of meta elements by name or property, in lower case; the first of a name counts.
        scripts: all of them.
        noscripts: what is for readers without scripts.
        links: how many there are.
        tags: how many elements there are of each.
        is_canonical: whether it names an address for itself.
        marked: elements that say which property of a thing they hold, or that they name an author or a time.
        title: the document's own.
    """

    def __init__(self, tree: Element, url: str, parse: Callable[[str], Element]) -> None:
        self.tree = tree
        self.url = url
        self.parse = parse
        self.meta: dict[str, str] = {}
        self.scripts: list[Element] = []
        self.noscripts: list[Element] = []
        self.links = 0
        self.tags: Counter[str] = Counter()
        self.is_canonical = False
        self._data: dict[str, list[dict[str, Any]]] = {}
        self.marked: list[Element] = []
        self.title = ""
        for element in tree.walk():
            self._note(element)

    def _note(self, element: Element) -> None:
        tag, attributes = element.tag, element.attributes
        self.tags[tag] += 1
        if tag == "script":
            self.scripts.append(element)
        elif tag == "noscript":
            self.noscripts.append(element)
        elif tag == "meta":
            self._note_meta(element)
        elif tag == "title":
            self.title = self.title or element.text()
        elif tag == "link" and attributes.get("rel") == "canonical":
            self.is_canonical = True
        if tag == "a" and "href" in attributes:
            self.links += 1
        if attributes and len(self.marked) < _MOST_PROPERTIES and _is_marked(element):
            self.marked.append(element)

    def _note_meta(self, element: Element) -> None:
        names = (element.get(attribute) for attribute in ("name", "property", "itemprop", "http-equiv"))
        name = next(filter(None, names), "")
        content = element.get("content").strip()
        if name and content:
            self.meta.setdefault(name.lower(), content)

    @property
    def host(self) -> str:
        """Lower case, without `www.`; empty when the address has none."""
        try:
            host = urlsplit(self.url).hostname or ""
        except ValueError:
            return ""
        return host.removeprefix("www.")

    @property
    def path(self) -> str:
        """Of the address, from the first slash."""
        try:
            return urlsplit(self.url).path
        except ValueError:
            return ""

    def is_at(self, *domains: str) -> bool:
        """Whether its host is one of these or below one."""
        host = self.host
        return any(host == domain or host.endswith(f".{domain}") for domain in domains)

    def data(self, media_type: str) -> list[dict[str, Any]]:
        """All objects in the scripts that hold data of a type; what is no JSON is passed over."""
        if media_type not in self._data:
            scripts = (script for script in self.scripts if script.get("type") == media_type)
            values = (value for script in scripts for value in records("".join(script.texts())))
            self._data[media_type] = [each for value in values for each in objects(value)]
        return self._data[media_type]


def _is_marked(element: Element) -> bool:
    attributes = element.attributes
    return "itemprop" in attributes or attributes.get("rel") == "author" or element.tag == "time"
