"""What adapters in Redis or Valkey have in common: scripts that lie beside them, and lengths as scripts count them."""

from datetime import timedelta
from importlib.resources import files


def script(package: str, name: str) -> str:
    """The Lua script `name` that lies in this package."""
    return files(package).joinpath(f"{name}.lua").read_text(encoding="utf-8")


def ms(length: timedelta) -> int:
    """Whole milliseconds; what is left over is dropped."""
    return length // timedelta(milliseconds=1)
