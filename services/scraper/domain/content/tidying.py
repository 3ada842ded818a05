"""Clearing an article of what is no part of it: share buttons, forms, lists of links, teasers, each by its shape.

The rules and their numbers are those of Mozilla's Readability; here all run in one pass, from the innermost outwards,
so that each element is judged by what is left in it.
"""

import re

from services.scraper.domain.content.tree import LISTS, Element
from services.scraper.domain.content.weighing import weight

_REMOVED = frozenset({"footer", "aside", "nav", "input", "textarea", "select", "button"})
_JUDGED = frozenset({"form", "fieldset", "table", "ul", "ol", "div"})
_SHARE = re.compile(r"(\b|_)(share|sharedaddy)(\b|_)", re.IGNORECASE)
_LONGEST_SHARE = 500
_ADS = re.compile(
    r"(?:ad(?:vertising|vertisement)?|pub(?:licité)?|werb(?:ung)?|广告|реклама|anuncio"
    r"|loading|正在加载|загрузка|chargement|cargando)[….]*",
    re.IGNORECASE,
)
_LONGEST_ADS = 30
_COMMAS_OF_PROSE = 9
_TABLE_PARTS = frozenset({"caption", "col", "colgroup", "tfoot", "thead", "th"})


def tidy(article: Element, *, conditionally: bool = True) -> None:
    """Remove, in place, what is no part of the article, and measure what is left.

    Args:
        article: measured or not.
        conditionally: also remove what merely looks like clutter.
    """
    order = list(article.walk())
    kept_tables = _within_data_tables(order) if conditionally else set()
    for element in reversed(order):
        element.children = [
            child
            for child in element.children
            if isinstance(child, str)
            or not (_is_removed(child) or (conditionally and child not in kept_tables and _is_clutter(child)))
        ]
        element.count()


def _is_removed(element: Element) -> bool:
    if element.tag in _REMOVED:
        return True
    if element.tag in ("h1", "h2") and weight(element) < 0:
        return True
    return element.chars < _LONGEST_SHARE and _SHARE.search(element.names) is not None


def _within_data_tables(order: list[Element]) -> set[Element]:
    """Tables that hold data, all within them, and all they are in."""
    tables = [each for each in order if each.tag == "table" and _holds_data(each)]
    within = {each for table in tables for each in table.walk()}
    return within.union(*(table.ancestors() for table in tables))


def _holds_data(table: Element) -> bool:
    """Whether a table is one of data, rather than a way to lay out a page."""
    if table.get("role") == "presentation" or table.get("datatable") == "0":
        return False
    if table.get("summary"):
        return True
    inner = [each for each in table.walk() if each is not table]
    tags = {each.tag for each in inner}
    if tags & _TABLE_PARTS:
        return True
    if "table" in tags:
        return False
    rows = [each for each in inner if each.tag == "tr"]
    columns = max((sum(cell.tag in ("td", "th") for cell in row.elements()) for row in rows), default=0)
    if columns <= 1 or len(rows) <= 1:
        return False
    return len(rows) >= 10 or columns > 4 or len(rows) * columns > 10


def _is_clutter(element: Element) -> bool:
    if element.tag not in _JUDGED:
        return False
    value = weight(element)
    if value < 0:
        return not _is_in(element, "code")
    if element.commas >= _COMMAS_OF_PROSE:
        return False
    if element.chars < _LONGEST_ADS and _ADS.fullmatch(element.text()):
        return True
    return _has_shape_of_clutter(element, value) and not _is_in(element, "code")


def _has_shape_of_clutter(element: Element, value: int) -> bool:
    """Whether pictures, list items, fields or links outweigh its text, for what its names are worth."""
    chars, images, paragraphs, density = element.chars, element.images, element.paragraphs, element.link_density
    is_list = element.tag in LISTS or element.list_chars > 0.9 * chars
    too_many_pictures = images > 1 and paragraphs < 0.5 * images and not _is_in(element, "figure")
    if is_list:
        if too_many_pictures or (value >= 25 and density > 0.5):
            return not _is_gallery(element)
        return element.inputs > paragraphs // 3 or (not images and not element.textish_chars)
    nearly_empty = chars < 25 and (not images or images > 2) and density > 0
    return (
        too_many_pictures
        or element.items - 100 > paragraphs
        or element.inputs > paragraphs // 3
        or (nearly_empty and element.heading_chars < 0.9 * chars and not _is_in(element, "figure"))
        or density > (0.5 if value >= 25 else 0.2)
        or (not images and not element.textish_chars)
    )


def _is_gallery(element: Element) -> bool:
    """A list of pictures, one an item."""
    return 0 < element.images == element.items and all(
        sum(1 for _ in item.elements()) <= 1 for item in element.elements()
    )


def _is_in(element: Element, tag: str) -> bool:
    return any(each.tag == tag for each in element.ancestors())
