"""User ids: which are acceptable, and which partition of the queues a user's work travels on."""

import re
from zlib import crc32

from shared.errors import InvalidUserId
from shared.values import UserId

_ACCEPTABLE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@:+|=-]{0,127}", re.ASCII)


def user_id(value: int | str) -> UserId:
    """The user id for a number or a name as upstream hands it over.

    Raises:
        InvalidUserId: it is empty, too long, or would not be safe in a path, queue or address.
    """
    text = str(value)
    if isinstance(value, bool) or not _ACCEPTABLE.fullmatch(text):
        raise InvalidUserId
    return UserId(text)


def partition_of(user: UserId, *, partitions: int) -> int:
    """The partition, 0 to `partitions` - 1, on which all of a user's messages travel."""
    return crc32(user.encode()) % partitions
