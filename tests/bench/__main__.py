"""`make bench`: each benchmark against a baseline in the same run; one table, and build/bench.json.

A ratio compares two ways of doing the same work on the same machine in the same minute; only ratios are worth quoting.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from tests.bench import measures
from tests.bench.corners import servers
from tests.bench.measuring import Measure, Result

REPORT = Path("build") / "bench.json"


def chosen(names: Iterable[str], *, data: Path | None) -> list[Measure]:
    known = {measure.name: measure for measure in measures.ALL}
    unknown = sorted(set(names) - set(known))
    if unknown:
        sys.exit(f"There is no benchmark {', '.join(unknown)}. There are: {', '.join(known)}.")
    return [known[name] for name in names] if names else [each for each in measures.ALL if data or not each.needs_data]


def figure(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= 100 else f"{rate:.2g}"


def table(results: Iterable[Result]) -> str:
    rows = [("benchmark", "ours", "baseline", "unit", "ratio", "baseline is")]
    rows += [
        (each.name, figure(each.ours), figure(each.baseline), each.unit, f"{each.ratio:.2f}", each.baseline_is)
        for each in results
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="run this benchmark alone")
    parser.add_argument("--data", type=Path, metavar="DIR", help="saved pages with their truth, for extraction")
    parser.add_argument("--scale", choices=("small", "full"), default="full", help="small: a few seconds each")
    arguments = parser.parse_args()

    results = []
    with servers() as real:
        for measure in chosen(arguments.only, data=arguments.data):
            data = {"data": arguments.data} if measure.needs_data else {}
            result = asyncio.run(measure.run(real, small=arguments.scale == "small", **data))
            sys.stderr.write(f"{result.name}: {figure(result.ours)} {result.unit}, {result.ratio:.2f} x the baseline\n")
            results.append(result)

    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(
        json.dumps([asdict(each) | {"ratio": each.ratio} for each in results], indent=1), encoding="utf-8"
    )
    sys.stdout.write(table(results) + "\n")


if __name__ == "__main__":
    main()
