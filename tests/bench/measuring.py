"""What a benchmark is: work done in two ways, so many pieces a second each."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from statistics import median

ROUNDS = 3


@dataclass(frozen=True)
class Result:
    """Pieces of work a second, ours and the baseline's; `ratio` above 1 means ours does more."""

    name: str
    ours: float
    baseline: float
    unit: str
    baseline_is: str

    @property
    def ratio(self) -> float:
        return self.ours / self.baseline


@dataclass(frozen=True)
class Measure:
    """A named benchmark; `run` takes the servers, `small` for a short one, and the folder of data that it needs."""

    name: str
    run: "Callable[..., Awaitable[Result]]"
    needs_data: bool = False


async def pieces_per_second(pieces: int, work: Callable[[], Awaitable[object]]) -> float:
    begun = time.perf_counter()
    await work()
    return pieces / (time.perf_counter() - begun)


async def in_turn(
    pieces: int, ours: Callable[[], Awaitable[object]], baseline: Callable[[], Awaitable[object]]
) -> tuple[float, float]:
    """The medians of a few rounds of both, taken in turn so that a noisy moment touches both."""
    pairs = [(await pieces_per_second(pieces, ours), await pieces_per_second(pieces, baseline)) for _ in range(ROUNDS)]
    return median(pair[0] for pair in pairs), median(pair[1] for pair in pairs)
