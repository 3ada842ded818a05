"""Runs the emulator from a shell until it is stopped: `python -m tests.gemini_emulator --port 9099 --key KEY`."""

import argparse
import signal
from contextlib import suppress

from tests.gemini_emulator.server import GeminiEmulator


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.gemini_emulator", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--key", action="append", default=[], help="a key that is good; may be given more than once")
    parser.add_argument("--any-key", action="store_true", help="take every key as a good one")
    parser.add_argument("--per-minute", type=int, default=15)
    parser.add_argument("--per-day", type=int, default=1_500)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds every answer takes")
    chosen = parser.parse_args()

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt):  # which may come as soon as the address is out
        serve(chosen)


def serve(chosen: argparse.Namespace) -> None:
    with GeminiEmulator(host=chosen.host, port=chosen.port, latency_s=chosen.latency, any_key=chosen.any_key) as gemini:
        for key in chosen.key:
            gemini.add_key(key, per_minute=chosen.per_minute, per_day=chosen.per_day)
        print(f"FLEET_GEMINI_BASE_URL={gemini.url}", flush=True)  # noqa: T201 - the address is what is asked for
        signal.pause()


if __name__ == "__main__":
    main()
