"""PDF files made for tests, byte by byte: pages of lines, and what goes wrong with such files."""

import zlib
from collections.abc import Iterable, Mapping, Sequence

Line = tuple[str, int] | str
"""A line's text, and the size of its letters unless it is 10."""

LOCKED = f"/Encrypt << /Filter /Standard /V 1 /R 2 /P -4 /O <{'41' * 32}> /U <{'42' * 32}> >> /ID [<00> <00>]"
"""What a trailer says of a file whose password is not the empty one."""


def pdf(pages: Sequence[Sequence[Line]], *, info: Mapping[str, str] | None = None, trailer: str = "") -> bytes:
    """A file of these pages' lines, one below the other."""
    return with_contents([_written(page) for page in pages], info=info or {}, trailer=trailer)


def with_contents(
    contents: Sequence[bytes], *, info: Mapping[str, str] | None = None, trailer: str = "", filters: str = ""
) -> bytes:
    """A file of pages with these drawing instructions, as `filters` have packed them."""
    numbers = range(5, 5 + 2 * len(contents), 2)
    kids = " ".join(f"{number} 0 R" for number in numbers)
    said = " ".join(f"/{name} ({value})" for name, value in (info or {}).items())
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R /Lang (en-GB) >>",
        f"<< /Type /Pages /Count {len(contents)} /Kids [{kids}] >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        f"<< {said} >>".encode(),
    ]
    for number, content in zip(numbers, contents, strict=True):
        objects += [
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents {number + 1} 0 R"
            f" /Resources << /Font << /F 3 0 R >> >> >>".encode(),
            f"<< {filters} /Length {len(content)} >>\nstream\n".encode() + content + b"\nendstream",
        ]
    return assembled(objects, trailer=f"/Info 4 0 R {trailer}")


def assembled(objects: Iterable[bytes], *, trailer: str = "") -> bytes:
    """A file of these objects, numbered from 1; the first is the catalogue."""
    file, places = bytearray(b"%PDF-1.7\n"), []
    for number, each in enumerate(objects, 1):
        places.append(len(file))
        file += b"%d 0 obj\n%b\nendobj\n" % (number, each)
    start = len(file)
    rows = "".join(f"{place:010} 00000 n \n" for place in places)
    file += f"xref\n0 {len(places) + 1}\n0000000000 65535 f \n{rows}".encode()
    file += f"trailer << /Root 1 0 R /Size {len(places) + 1} {trailer} >>\nstartxref\n{start}\n%%EOF".encode()
    return bytes(file)


def deep_tree(levels: int) -> bytes:
    """A file whose only page stands below so many others' parents."""
    nodes = [b"<< /Type /Pages /Count 1 /Kids [%d 0 R] >>" % (number + 3) for number in range(levels)]
    return assembled([b"<< /Type /Catalog /Pages 2 0 R >>", *nodes, b"<< /Type /Page /MediaBox [0 0 9 9] >>"])


def packed_twice(content: bytes) -> bytes:
    """A file that is small, and its one page's instructions are not."""
    packed = zlib.compress(zlib.compress(content, 9), 9)
    return with_contents([packed], filters="/Filter [/FlateDecode /FlateDecode]")


def _written(lines: Sequence[Line]) -> bytes:
    height, parts = 760, []
    for line in lines:
        text, size = (line, 10) if isinstance(line, str) else line
        escaped = text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
        parts.append(f"BT /F {size} Tf 50 {height} Td ({escaped}) Tj ET")
        height -= size + (2 if text else 12)
    return "\n".join(parts).encode("latin-1")
