"""The front door and the dispatcher: takes bookmarks and keys in, decides whose turn it is, tells what came of it.

In: bookmarks over HTTP, AMQP and from Python; users' API keys. Out: released jobs for the workers, events for the
world, answers and a live page for people. The functions here are for Python programs in the same place; they read
the environment when first called, and importing them opens nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from services.producer.from_python import (
        UserContentProcessor,
        add_user_api_key,
        check_user_rate_limit,
        get_user_api_stats,
        process_new_user_content,
    )

__all__ = [
    "UserContentProcessor",
    "add_user_api_key",
    "check_user_rate_limit",
    "get_user_api_stats",
    "process_new_user_content",
]


def __getattr__(name: str) -> Any:
    """The function of this name; its libraries are imported when somebody asks for it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("services.producer.from_python"), name)
