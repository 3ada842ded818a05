"""A page as handlers and rules are given it: its tree, where it came from, and what is looked up in it often."""

from collections import defaultdict
from collections.abc import Callable
from typing import Any
from urllib.parse import urljoin, urlsplit

from services.scraper.domain.content.data import objects, records
from services.scraper.domain.content.tree import Element

_MOST_PROPERTIES = 1_000


class Page:
    """A parsed page, gone through once.

    Attributes:
        tree: not measured.
        url: empty when nobody knows.
        parse: makes a tree of a piece of HTML, for pages that carry their content in data.
        elements: all there are, by tag, each list in the page's order.
        meta: the contents of meta elements by name or property, in lower case; the first of a name counts.
        marked: elements that say which property of a thing they hold, or that they name an author or a time.
    """

    def __init__(self, tree: Element, url: str, parse: Callable[[str], Element]) -> None:
        self.tree = tree
        self.url = url
        self.parse = parse
        self.elements: defaultdict[str, list[Element]] = defaultdict(list)
        self.meta: dict[str, str] = {}
        self.marked: list[Element] = []
        self._data: dict[str, list[dict[str, Any]]] = {}
        for element in tree.walk():
            self.elements[element.tag].append(element)
            if element.attributes and _is_marked(element) and len(self.marked) < _MOST_PROPERTIES:
                self.marked.append(element)
        for element in self.elements["meta"]:
            self._note_meta(element)

    @property
    def title(self) -> str:
        """The document's own."""
        return next(filter(None, (each.text() for each in self.elements["title"])), "")

    @property
    def links(self) -> int:
        """How many there are."""
        return sum("href" in each.attributes for each in self.elements["a"])

    @property
    def is_canonical(self) -> bool:
        """Whether it names an address for itself."""
        return any(each.get("rel") == "canonical" for each in self.elements["link"])

    def _note_meta(self, element: Element) -> None:
        names = (element.get(attribute) for attribute in ("name", "property", "itemprop", "http-equiv"))
        name = next(filter(None, names), "")
        content = element.get("content").strip()
        if name and content:
            self.meta.setdefault(name.lower(), content)

    @property
    def base(self) -> str:
        """What its addresses are relative to."""
        told = (each.get("href") for each in self.elements["base"])
        try:
            return urljoin(self.url, next(filter(None, told), ""))
        except ValueError:
            return self.url

    def whole(self, told: str) -> str | None:
        """An address as the page tells it, in full; None when it is none of the web."""
        try:
            address = urljoin(self.base, told)
        except ValueError:
            return None
        return address if told and address.startswith(("https://", "http://")) else None

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
            scripts = (script for script in self.elements["script"] if script.get("type") == media_type)
            values = (value for script in scripts for value in records("".join(script.texts())))
            self._data[media_type] = [each for value in values for each in objects(value)]
        return self._data[media_type]


def _is_marked(element: Element) -> bool:
    attributes = element.attributes
    return "itemprop" in attributes or attributes.get("rel") == "author" or element.tag == "time"
