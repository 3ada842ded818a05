"""Every metric of the fleet, declared once: name, help, unit in the name, labels of few values.

Users, hosts, ids and addresses belong in logs and in the ledger, never in labels.
"""

from prometheus_client import Counter, Gauge, Histogram

from shared.values import Stage

QUEUE_DEPTH = Gauge("fleet_queue_depth", "Messages waiting in the broker.", ["stage", "partition"])
BACKLOG_JOBS = Gauge("fleet_backlog_jobs", "Jobs in the ledger that have not ended.", ["stage", "state"])
LANES = Gauge("fleet_lanes", "Lanes that wait although they have work, by reason.", ["stage", "reason"])
OLDEST_WAIT = Gauge(
    "fleet_oldest_wait_seconds",
    "How long the oldest job that could run has waited, among the users of whom nothing runs in the stage.",
    ["stage"],
)
DEAD_LETTERS = Gauge("fleet_dead_letters", "Messages that ended in a queue of dead letters.", ["stage"])
JOBS = Counter("fleet_jobs_total", "Jobs that ended or were put back.", ["stage", "outcome", "code"])
JOB_SECONDS = Histogram(
    "fleet_job_seconds",
    "Time a worker spent on a job.",
    ["stage", "strategy"],
    buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120),
)
WAIT_SECONDS = Histogram(
    "fleet_wait_seconds",
    "Time a job waited from the moment it could run until its claim.",
    ["stage"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200),
)
STALE_DELIVERIES = Counter("fleet_stale_deliveries_total", "Messages whose jobs somebody else has or had.", ["stage"])
LEASE_EXPIRED = Counter("fleet_lease_expired_total", "Jobs taken back because their lease ended.", ["stage"])
FETCHES = Counter("fleet_fetch_total", "Pages fetched.", ["strategy", "verdict"])
CACHE = Counter(
    "fleet_cache_total",
    "Pages asked of the looks that users share: hit, joined, waiting, miss, revalidated, failed, bypass, away.",
    ["result"],
)
CACHE_BYTES = Gauge("fleet_cache_bytes", "What the looks that users share take of Redis in all.")
ROBOTS = Counter("fleet_robots_total", "Pages asked of robots.txt: allowed, refused, unknown.", ["result"])
HOST_TURNS = Counter("fleet_host_turns_total", "Turns at sites that were asked for.", ["result"])
BROWSER_PAGES = Counter("fleet_browser_pages_total", "Pages opened in a browser.")
BROWSER_RESTARTS = Counter("fleet_browser_restarts_total", "Browsers started in place of a worn out or lost one.")
EGRESS_REFUSED = Counter("fleet_egress_refused_total", "Addresses the egress guard refused.", ["kind"])
PROVIDER_REQUESTS = Counter("fleet_provider_requests_total", "Requests to the provider.", ["key_source", "outcome"])
PROVIDER_SECONDS = Histogram(
    "fleet_provider_seconds",
    "Time the provider took to answer.",
    buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120),
)
PROVIDER_TOKENS = Counter("fleet_provider_tokens_total", "Tokens spent.", ["direction"])
ITEMS_PER_REQUEST = Histogram(
    "fleet_items_per_request", "Bookmarks one request carried.", buckets=(1, 2, 3, 4, 5, 10, 20)
)
BREAKER_OPEN = Gauge("fleet_breaker_open", "Whether calls to the provider are held because it is down.", ["provider"])
QUOTA_DENIED = Counter("fleet_quota_denied_total", "Calls that had to wait, by the window that was full.", ["window"])
ABUSE_SIGNALS = Counter("fleet_abuse_signals_total", "Signs of abuse, by kind.", ["kind"])
KEYS = Gauge("fleet_keys", "Users' keys by status.", ["status"])
DEFAULT_KEY_CALLS = Gauge("fleet_default_key_calls", "Calls on the default key in the window now.", ["window"])
DEFAULT_KEY_LIMIT = Gauge("fleet_default_key_limit", "Calls that the default key has in the window.", ["window"])
EVENTS = Counter("fleet_events_total", "CloudEvents that came in or went out.", ["type", "result"])
SPANS = Counter("fleet_trace_spans_total", "Spans that were sent to the collector of traces, or dropped.", ["result"])
DISPATCH_TICK = Histogram(
    "fleet_dispatch_tick_seconds",
    "Time one dispatcher tick took.",
    buckets=(0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5),
)
OUTBOX_PENDING = Gauge("fleet_outbox_pending", "Events written and not yet published.")
OUTBOX_OLDEST = Gauge("fleet_outbox_oldest_seconds", "Age of the oldest event that is not yet published.")
COUNTED_AT = Gauge(
    "fleet_counted_timestamp_seconds",
    "When the gauges of what waits in the ledger or in the broker were last counted, in Unix time.",
    ["source"],
)

# A counter that is not there before its first event hides that event from rate() and increase().
for _stage in Stage:
    STALE_DELIVERIES.labels(_stage)
    LEASE_EXPIRED.labels(_stage)
for _result in ("hit", "joined", "revalidated", "miss", "waiting", "failed", "bypass", "away"):
    CACHE.labels(_result)
for _result in ("allowed", "refused", "unknown"):
    ROBOTS.labels(_result)
for _window in ("minute", "day", "month"):
    QUOTA_DENIED.labels(_window)
