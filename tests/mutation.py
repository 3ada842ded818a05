"""Runs mutmut over shared/quota and shared/keys: `python -m tests.mutation`, which is what `make mutate` does.

Every mutant's run of pytest uses the same servers, started once; mutmut's settings are in pyproject.toml.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.servers import start_holder


def main() -> int:
    """The exit code of mutmut."""
    with tempfile.TemporaryDirectory(prefix="fleet-mutation-") as folder:
        holder = start_holder(Path(folder) / "servers")
        assert holder.stdin is not None
        os.environ["FLEET_TESTS_SERVERS"] = str(Path(folder) / "servers")
        try:
            return subprocess.call([str(Path(sys.executable).with_name("mutmut")), "run", *sys.argv[1:]])
        finally:
            holder.stdin.close()
            holder.wait(timeout=60)


if __name__ == "__main__":
    sys.exit(main())
