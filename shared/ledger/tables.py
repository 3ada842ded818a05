"""The tables of the ledger in PostgreSQL; migrations/ makes them, in_postgres/ is their only writer.

Rows that wait or run stay small and narrow (jobs, lanes); texts live in tables of their own.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

# Every row is rewritten a few times in its life: leave room beside it, and vacuum long before a fifth is dead.
_BUSY = {"fillfactor": "70", "autovacuum_vacuum_scale_factor": "0.02", "autovacuum_analyze_scale_factor": "0.02"}


def _id() -> Column[int]:
    return Column("id", BigInteger, primary_key=True, autoincrement=True)


def _now(name: str) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=False, server_default=func.now())


def _time(name: str) -> Column[object]:
    return Column(name, DateTime(timezone=True))


def _of_a_bookmark() -> ForeignKeyConstraint:
    """Belonging to a bookmark of the same user: nobody can hang a row on another user's, or learn whether there is one.

    For the same reason what is unique is so for each user: a conflict with another user's row would show that row.
    """
    return ForeignKeyConstraint(["bookmark_id", "user_id"], ["bookmarks.id", "bookmarks.user_id"], ondelete="CASCADE")


bookmarks = Table(
    "bookmarks",
    metadata,
    _id(),
    Column("user_id", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("url_digest", Text, nullable=False, comment="sha-256 of the URL, hex: what makes it unique per user"),
    Column("title", Text, nullable=False, server_default=""),
    Column("tags", ARRAY(Text), nullable=False, server_default="{}"),
    Column("excerpt", Text, nullable=False, server_default=""),
    Column("external_id", Text),
    Column("created_at", DateTime(timezone=True), comment="when the user saved it, as upstream says"),
    Column("state", Text, nullable=False, server_default="queued", comment="queued, done, failed or cancelled"),
    Column("error_code", Text),
    Column("error", Text, comment="the sentence a person reads"),
    Column("advice", Text),
    _now("submitted_at"),
    _now("updated_at"),
    UniqueConstraint("user_id", "url_digest"),
    CheckConstraint("state IN ('queued', 'done', 'failed', 'cancelled')", name="state"),
    UniqueConstraint("user_id", "id"),
    Index("ix_bookmarks_user_id_state_id", "user_id", "state", "id"),
    Index("ix_bookmarks_ended", "updated_at", postgresql_where=text("state IN ('done', 'failed')")),
    postgresql_with={"fillfactor": "90"},
)

contents = Table(
    "contents",
    metadata,
    Column("bookmark_id", BigInteger, primary_key=True, autoincrement=False),
    Column("user_id", Text, primary_key=True),
    Column("strategy", Text, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("final_url", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("description", Text, nullable=False, server_default=""),
    Column("author", Text),
    Column("site_name", Text),
    Column("language", Text),
    Column("published", Text, comment="a date, ISO 8601"),
    Column("image", Text, comment="address of the lead image"),
    Column("pages", Integer, comment="of a document made for print"),
    Column("links", JSONB, nullable=False, server_default=text("'[]'::jsonb"), comment="[{text, url}] in the text"),
    Column("chars", Integer, nullable=False),
    Column("words", Integer, nullable=False),
    _now("fetched_at"),
    _of_a_bookmark(),
)

analyses = Table(
    "analyses",
    metadata,
    Column("bookmark_id", BigInteger, primary_key=True, autoincrement=False),
    Column("user_id", Text, primary_key=True),
    Column("key_concepts", ARRAY(Text), nullable=False),
    Column("content_type", Text, nullable=False),
    Column("difficulty", Text, nullable=False),
    Column("technologies", ARRAY(Text), nullable=False),
    Column("learning_path", Text, nullable=False),
    Column("project_applicability", Text, nullable=False),
    Column("skill_development", Text, nullable=False),
    Column("summary", Text, nullable=False),
    Column("analysed_by", Text, nullable=False),
    Column("key_source", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("prompt_version", Text, nullable=False),
    Column("prompt_tokens", Integer, nullable=False, server_default="0"),
    Column("answer_tokens", Integer, nullable=False, server_default="0"),
    Column("chars_left_out", Integer, nullable=False, server_default="0", comment="of the text, at its end"),
    _now("analysed_at"),
    _of_a_bookmark(),
    Index("ix_analyses_heuristic", "user_id", postgresql_where=text("analysed_by = 'heuristic'")),
)

# A lane's `state`, `reason` and `wake_at` follow from its jobs and its rest (in_postgres/lanes.py derives them).
lanes = Table(
    "lanes",
    metadata,
    Column("user_id", Text, primary_key=True),
    Column("stage", Text, primary_key=True),
    Column("state", Text, nullable=False, server_default="idle", comment="idle, ready, full or asleep"),
    Column("reason", Text, comment="why it is asleep (WaitReason)"),
    Column("wake_at", DateTime(timezone=True), comment="when an asleep lane may be served again"),
    Column("rest_until", DateTime(timezone=True), comment="the whole lane rests until then, whatever its jobs"),
    Column("rest_reason", Text, comment="why it rests (WaitReason)"),
    Column("waits_since", DateTime(timezone=True), comment="since when no call can be made, over short wakings"),
    Column("paused", Boolean, nullable=False, server_default=text("false"), comment="an operator's pause"),
    Column(
        "last_served_at",
        DateTime(timezone=True),
        nullable=False,
        server_default=text("'epoch'"),
        comment="a lane never served goes first",
    ),
    CheckConstraint("state IN ('idle', 'ready', 'full', 'asleep')", name="state"),
    CheckConstraint("(state = 'asleep') = (wake_at IS NOT NULL)", name="asleep_until"),
    Index("ix_lanes_ready", "stage", "last_served_at", postgresql_where=text("state = 'ready' AND NOT paused")),
    Index("ix_lanes_waiting", "waits_since", postgresql_where=text("waits_since IS NOT NULL")),
    Index("ix_lanes_asleep", "stage", "wake_at", postgresql_where=text("state = 'asleep'")),
    postgresql_with=_BUSY,
)

jobs = Table(
    "jobs",
    metadata,
    _id(),
    Column("bookmark_id", BigInteger, nullable=False),
    Column("user_id", Text, nullable=False),
    Column("stage", Text, nullable=False),
    Column("state", Text, nullable=False, server_default="queued"),
    Column("attempts", SmallInteger, nullable=False, server_default="0", comment="tries that failed"),
    Column("ready_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("reason", Text, comment="why it is not ready yet (WaitReason)"),
    Column(
        "replaces",
        Boolean,
        nullable=False,
        server_default=text("false"),
        comment="its bookmark shows an analysis already: goes after those that show none",
    ),
    Column("token", Text, comment="the newest release's fence"),
    Column("lease_until", DateTime(timezone=True)),
    Column("error_code", Text, comment="of the newest failed try"),
    Column("error", Text),
    Column("trace", Text, comment="what it follows from, as W3C's traceparent"),
    _now("created_at"),
    _time("claimed_at"),
    _time("ended_at"),
    _of_a_bookmark(),
    CheckConstraint(
        "state IN ('queued', 'released', 'running', 'done', 'failed', 'cancelled')",
        name="state",
    ),
    CheckConstraint(
        "(state IN ('released', 'running')) = (token IS NOT NULL AND lease_until IS NOT NULL)",
        name="out_has_lease",
    ),
    Index("ix_jobs_queued", "stage", "user_id", "ready_at", "id", postgresql_where=text("state = 'queued'")),
    Index(
        "ix_jobs_in_turn",
        "stage",
        "user_id",
        "replaces",
        "ready_at",
        "id",
        postgresql_where=text("state = 'queued'"),
    ),
    Index("ix_jobs_out", "stage", "state", "user_id", postgresql_where=text("state IN ('released', 'running')")),
    Index("ix_jobs_leased", "lease_until", postgresql_where=text("state IN ('released', 'running')")),
    Index(
        "ix_jobs_open",
        "bookmark_id",
        "stage",
        "user_id",
        unique=True,
        postgresql_where=text("state IN ('queued', 'released', 'running')"),
    ),
    Index("ix_jobs_bookmark", "bookmark_id", "id"),
    Index("ix_jobs_failed", "user_id", "id", postgresql_where=text("state = 'failed'")),
    Index("ix_jobs_failed_id", "id", postgresql_where=text("state = 'failed'")),
    Index("ix_jobs_ended", "ended_at", postgresql_where=text("state IN ('done', 'failed')")),
    postgresql_with=_BUSY,
)

receipts = Table(
    "receipts",
    metadata,
    Column("user_id", Text, primary_key=True),
    Column("source", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("answer", JSONB, nullable=False),
    _now("created_at"),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("user_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("reason", Text, comment="why the status is what it is, for a person"),
    Column("fingerprint", Text, nullable=False, comment="HMAC-SHA-256 of the key: recognises, never reveals"),
    Column(
        "version",
        BigInteger,
        nullable=False,
        comment="the vault's version, so that an old refusal cannot mark a new key",
    ),
    _now("created_at"),
    _time("checked_at"),
    _time("last_used_at"),
    Column("exhausted_until", DateTime(timezone=True), comment="when an exhausted key is active again"),
    Index("ix_api_keys_fingerprint", "fingerprint"),
    Index("ix_api_keys_exhausted_until", "exhausted_until", postgresql_where=text("exhausted_until IS NOT NULL")),
)

provider_calls = Table(
    "provider_calls",
    metadata,
    _id(),
    Column("user_id", Text, nullable=False),
    Column("key_source", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("weight", SmallInteger, nullable=False, server_default="1"),
    Column("items", SmallInteger, nullable=False),
    Column("outcome", Text, nullable=False, server_default="started"),
    Column("prompt_tokens", Integer, nullable=False, server_default="0"),
    Column("answer_tokens", Integer, nullable=False, server_default="0"),
    Column("cost_micros", BigInteger, nullable=False, server_default="0", comment="millionths of a US dollar"),
    _now("started_at"),
    _time("ended_at"),
    Index("ix_provider_calls_user_id_started_at", "user_id", "started_at"),
    Index("ix_provider_calls_default_key", "started_at", postgresql_where=text("key_source = 'default'")),
)

user_limits = Table(
    "user_limits",
    metadata,
    Column("user_id", Text, primary_key=True),
    Column("minute", Integer, comment="calls in any 60 seconds; the deployment's when null"),
    Column("day", Integer),
    Column("month", Integer),
    Column("set_by", Text, nullable=False, comment="who set them, as the audit trail names them"),
    _now("set_at"),
    CheckConstraint("minute >= 0 AND day >= 0 AND month >= 0", name="not_negative"),
)

user_preferences = Table(
    "user_preferences",
    metadata,
    Column("user_id", Text, primary_key=True),
    Column("language", Text, nullable=False, comment="of the user's analyses: a tag (BCP 47), or page"),
    _now("set_at"),
)

learned_limits = Table(
    "learned_limits",
    metadata,
    Column("account", Text, primary_key=True, comment="whose quota (shared.quota.Account.name)"),
    Column("window", Text, primary_key=True, comment="minute, day or month"),
    Column("user_id", Text, comment="the user behind the account; null for the default key's"),
    Column("calls", Integer, nullable=False, comment="what the provider says it allows"),
    Column("source", Text, nullable=False, comment="the provider's name of the quota, its quotaId"),
    _now("learned_at"),
    Column("until", DateTime(timezone=True), nullable=False, comment="from then on it is forgotten"),
    CheckConstraint("calls >= 0", name="not_negative"),
    Index("ix_learned_limits_user_id", "user_id"),
)

signals = Table(
    "signals",
    metadata,
    Column("user_id", Text, primary_key=True),
    Column("kind", Text, primary_key=True, comment="submission_burst, calls_denied, bad_keys or shared_key"),
    Column("times", BigInteger, nullable=False, server_default="1"),
    _now("first_at"),
    _now("last_at"),
    Column("details", JSONB, nullable=False, server_default="{}", comment="the newest sign's figures"),
)

outbox = Table(
    "outbox",
    metadata,
    _id(),
    Column("user_id", Text, nullable=False),
    Column("type", Text, nullable=False, comment="the CloudEvents type"),
    Column("data", JSONB, nullable=False),
    Column("trace", Text, comment="where it came to be, as W3C's traceparent"),
    _now("created_at"),
)

audit = Table(
    "audit",
    metadata,
    _id(),
    _now("at"),
    Column("actor", Text, nullable=False, comment="who: user:ada, service:importer, process:analyzer"),
    Column("action", Text, nullable=False, comment="noun_verbed: key_added, key_read, key_removed"),
    Column(
        "origin", Text, comment="from where: the caller's network address, or the host a command or process runs on"
    ),
    Column("user_id", Text, comment="whose data was touched"),
    Column("details", JSONB, nullable=False, server_default="{}"),
    Index("ix_audit_user_id_at", "user_id", "at"),
    Index("ix_audit_user_id_id", "user_id", "id"),
)
