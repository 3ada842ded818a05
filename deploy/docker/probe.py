#!/usr/bin/env python3
"""Asks a process of the fleet whether it can work, for images without curl: `fleet-probe http://127.0.0.1:9000/readyz`."""

import sys
import urllib.error
import urllib.request

_WITHIN_S = 4.0


def fault(address: str) -> str | None:
    """What the address says instead of 200, or why it says nothing; None when all is well."""
    try:
        with urllib.request.urlopen(address, timeout=_WITHIN_S):  # noqa: S310 - the image names the address
            return None
    except urllib.error.HTTPError as refusal:
        return refusal.read().decode("utf-8", "replace")
    except OSError as error:
        return f"{address} does not answer: {error}"


if __name__ == "__main__":
    sys.exit(fault(sys.argv[1]))
