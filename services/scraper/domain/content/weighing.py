"""What the names a site gives to an element say for or against it being content."""

import re
from functools import lru_cache

from services.scraper.domain.content.tree import LONGEST_NAMES, Element

_POSITIVE = re.compile(
    r"article|body|content|entry|hentry|h-entry|main|page|pagination|post|text|blog|story", re.IGNORECASE
)
_NEGATIVE = re.compile(
    r"-ad-|hidden|^hid$| hid$| hid |^hid |banner|combx|comment|com-|contact|footer|gdpr|masthead|media|meta|outbrain"
    r"|promo|related|scroll|share|shoutbox|sidebar|skyscraper|sponsor|shopping|tags|widget",
    re.IGNORECASE,
)


def weight(element: Element) -> int:
    """What its class and its id say for or against it: -50 to 50."""
    return _weight(element.get("class")[:LONGEST_NAMES]) + _weight(element.get("id")[:LONGEST_NAMES])


@lru_cache(maxsize=4_096)  # sites call many things alike
def _weight(name: str) -> int:
    if not name:
        return 0
    return (25 if _POSITIVE.search(name) else 0) - (25 if _NEGATIVE.search(name) else 0)
