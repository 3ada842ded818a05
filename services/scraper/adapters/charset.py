"""Bytes to text as browsers do it: byte order mark, HTTP header, the page's own word, else what the bytes look like.

One step further than browsers: bytes that can only be UTF-8 are UTF-8, whatever the site says.
"""

import codecs
import re
from collections.abc import Iterator

from resiliparse.parse.encoding import bytes_to_str, detect_encoding, map_encoding_to_html5

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_COMMENT = re.compile(rb"<!--.*?-->", re.DOTALL)
_XML = re.compile(rb"\s*<\?xml\s[^>]{0,100}?encoding\s*=\s*[\"']([\w:.\-]{1,40})", re.IGNORECASE)
_META = re.compile(rb"<meta[\s/]([^>]{1,500})", re.IGNORECASE)
_ATTRIBUTE = re.compile(rb"([^\s=/\"'>]+)\s*=\s*(?:\"([^\"]*)\"?|'([^']*)'?|([^\s>]+))")
_IN_CONTENT = re.compile(rb"charset\s*=\s*[\"']?\s*([\w:.\-]{1,40})", re.IGNORECASE)
_META_WITHIN = 4_096  # the standard says 1,024 bytes; many pages put scripts before it
_ODD = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\ufffd]")
_LOOKED_AT = 20_000
_MOST_ODD = 0.03


def decode(body: bytes, *, declared: str | None) -> str:
    """The text of a body; bytes that do not fit its encoding become U+FFFD.

    Args:
        body: as it came, without compression.
        declared: the charset of the HTTP header, if it named one.
    """
    for mark, encoding in _MARKS:
        if body.startswith(mark):
            return body[len(mark) :].decode(encoding, "replace")
    if _is_utf_8_beyond_ascii(body):
        return body.decode()
    looks_like = detect_encoding(body) or "utf-8"
    said = _known(declared) or _said_by_page(body) or looks_like
    return bytes_to_str(body, said, errors="replace", fallback_encodings=(looks_like,))


def is_text(text: str) -> bool:
    """Whether decoded bytes are text rather than an image, an archive or another binary under a page's name."""
    beginning = text[:_LOOKED_AT]
    if beginning.startswith(("%PDF-", "PK\x03\x04")):
        return False
    return len(_ODD.findall(beginning)) <= _MOST_ODD * len(beginning)


def _is_utf_8_beyond_ascii(body: bytes) -> bool:
    """Nothing else looks like this by chance: a page that says otherwise is mislabelled."""
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return not body.isascii()


def _known(label: str | None) -> str | None:
    return map_encoding_to_html5(label.strip(" \"'"), fallback_utf8=False) if label else None


def _labels(head: bytes) -> Iterator[bytes]:
    """What a page's beginning calls its charset; a description that speaks of charsets is none of that."""
    if declaration := _XML.match(head):
        yield declaration[1]
    for meta in _META.finditer(head):
        told = {name.lower(): b"".join(value) for name, *value in _ATTRIBUTE.findall(meta[1])}
        if b"charset" in told:
            yield told[b"charset"].strip()
        elif told.get(b"http-equiv", b"").lower() == b"content-type":
            yield from _IN_CONTENT.findall(told.get(b"content", b""))


def _said_by_page(body: bytes) -> str | None:
    labels = _labels(_COMMENT.sub(b"", body[:_META_WITHIN]))
    encoding = next((known for label in labels if (known := _known(label.decode("ascii", "replace")))), None)
    # A page whose own word could be read as ASCII is not in UTF-16, whatever it says.
    return "utf-8" if encoding and encoding.startswith("utf-16") else encoding
