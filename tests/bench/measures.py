"""The benchmarks there are, in the order of a bookmark's way."""

from tests.bench.of_analysis import analysis, heuristic
from tests.bench.of_carrying import confirms
from tests.bench.of_extraction import extraction
from tests.bench.of_ledger import dispatch
from tests.bench.of_politeness import politeness
from tests.bench.of_quota import quota
from tests.bench.of_rendering import render
from tests.bench.of_scraping import scraping

ALL = (dispatch, confirms, scraping, politeness, render, quota, heuristic, analysis, extraction)
