"""Files only their owner may read, and the generated secrets kept in them."""

import os
import secrets
from pathlib import Path

_LENGTH_BYTES = 24


def write_private(path: Path, text: str) -> None:
    """Put the text into a file of mode 0600; readers see the old text or the new one, never half."""
    unfinished = path.with_name(f"{path.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    unfinished.replace(path)


def kept_secret(path: Path) -> str:
    """The secret kept in this file; one is made by chance and kept when there is none yet."""
    if not path.exists():
        write_private(path, secrets.token_urlsafe(_LENGTH_BYTES))
    return path.read_text(encoding="utf-8")
