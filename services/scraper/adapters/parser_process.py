"""A parser process: reads hostile pages apart from everything else, one at a time, until its standard input ends.

Run as `python -m services.scraper.adapters.parser_process CPU_SECONDS MEMORY_BYTES CHARS`. It holds no secret, opens no
connection, and gets none of the environment but paths. The kernel ends it when a page takes too much CPU time, even
inside a library's C code, and refuses it memory beyond its limit. When its parent dies, its input ends, and so does it.

A message is a length in four bytes and that many bytes. A request is two messages: a JSON object (the answer without
its body, and the address that was asked for) and the body. A reply is one, JSON: the content, the signs and the
verdict, or what went wrong: a sentence for a person, else its name. Requests may be sent ahead of replies.
"""

import gc
import json
import os
import resource
import signal
import sys
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, BinaryIO

from services.scraper.adapters.reading import read_and_judge
from services.scraper.domain.pages import Fetched
from shared.errors import PageUnusable


def main() -> int:
    """Answer requests until there are no more."""
    cpu_seconds, memory_bytes, chars = (int(argument) for argument in sys.argv[1:])
    requests, replies = sys.stdin.buffer, _take_over_stdout()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the worker, which ends us when it is done
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    gc.freeze()  # what is loaded stays: no need to look through it after each page
    while (head := _receive(requests)) is not None:
        body = _receive(requests) or b""
        signal.setitimer(signal.ITIMER_PROF, cpu_seconds)
        reply = _answer(json.loads(head), body, chars=chars)
        signal.setitimer(signal.ITIMER_PROF, 0)
        replies.write(len(reply).to_bytes(4, "big") + reply)
        replies.flush()
    return 0


def _answer(head: Mapping[str, Any], body: bytes, *, chars: int) -> bytes:
    try:
        page = Fetched(body=body, **head["page"])
        reading, judgement = read_and_judge(page, asked=head["asked"], chars=chars)
    except PageUnusable as error:
        return json.dumps({"unusable": error.sentence}).encode()
    except Exception as error:  # noqa: BLE001 - whatever a page does to a library, the parent is told its kind
        return json.dumps({"error": type(error).__name__}).encode()
    return json.dumps(
        {
            "extracted": asdict(reading.extracted),
            "signs": sorted(reading.signs),
            "is_text": reading.is_text,
            "judgement": asdict(judgement),
        }
    ).encode()


def _receive(requests: BinaryIO) -> bytes | None:
    """The next message, or None when the parent has gone."""
    head = requests.read(4)
    if len(head) < 4:  # noqa: PLR2004 - the length's own length
        return None
    length = int.from_bytes(head, "big")
    message = requests.read(length)
    return message if len(message) == length else None


def _take_over_stdout() -> BinaryIO:
    """Standard output for replies alone: what a library prints goes nowhere."""
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    return replies


if __name__ == "__main__":
    sys.exit(main())
