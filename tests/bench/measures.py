"""The benchmarks there are, in the order of a bookmark's way."""

from tests.bench.of_analysis import heuristic
from tests.bench.of_carrying import confirms
from tests.bench.of_extraction import extraction
from tests.bench.of_ledger import dispatch
from tests.bench.of_quota import quota

ALL = (dispatch, confirms, quota, heuristic, extraction)
