"""Files and folders only their owner may read, and the generated secrets kept in them."""

import contextlib
import os
import secrets
from pathlib import Path

_LENGTH_BYTES = 32


def make_private_folders(folder: Path, *parts: str) -> None:
    """Make the folder and these parts of it, of mode 0700, where they are missing."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for part in parts:
        (folder / part).mkdir(mode=0o700, exist_ok=True)


def write_private(path: Path, text: str) -> None:
    """Put the text into a file of mode 0600; readers see the old text or the new one, never half."""
    _written_beside(path, text).replace(path)


def kept_secret(path: Path) -> str:
    """The secret kept in this file; one is made by chance and kept when there is none yet."""
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        made = _written_beside(path, secrets.token_urlsafe(_LENGTH_BYTES))
        with contextlib.suppress(FileExistsError):  # somebody was faster: theirs counts
            path.hardlink_to(made)
        made.unlink()
    return path.read_text(encoding="utf-8")


def _written_beside(path: Path, text: str) -> Path:
    unfinished = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    return unfinished
