"""Keys offered at the same time through several processes are counted together."""

import asyncio
import sys
from pathlib import Path


async def test_callers_in_several_processes_get_exactly_as_many_tries_as_there_are(database_url: str) -> None:
    script = str(Path(__file__).with_name("key_triers.py"))
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, script, database_url, "10", "8", stdout=asyncio.subprocess.PIPE
        )
        for _ in range(3)
    ]

    let_through = [int((await process.communicate())[0]) for process in processes]

    assert sum(let_through) == 10
