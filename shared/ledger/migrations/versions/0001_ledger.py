"""The ledger: bookmarks, contents, analyses, lanes, jobs, receipts, keys, calls, outbox and audit."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this step."""
    op.create_table(
        "api_keys",
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True, comment="why the status is what it is, for a person"),
        sa.Column(
            "fingerprint", sa.Text(), nullable=False, comment="HMAC-SHA-256 of the key: recognises, never reveals"
        ),
        sa.Column(
            "version",
            sa.BigInteger(),
            nullable=False,
            comment="the vault's version, so that an old refusal cannot mark a new key",
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_api_keys")),
    )
    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger(), autoincrement=True, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False, comment="who: user:ada, service:importer, process:analyzer"),
        sa.Column("action", sa.Text(), nullable=False, comment="noun_verbed: key_added, key_read, key_removed"),
        sa.Column("user_id", sa.Text(), nullable=True, comment="whose data was touched"),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    op.create_index("ix_audit_user_id_at", "audit", ["user_id", "at"], unique=False)
    op.create_table(
        "bookmarks",
        sa.Column("id", sa.BigInteger(), autoincrement=True, nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column(
            "url_digest", sa.Text(), nullable=False, comment="sha-256 of the URL, hex: what makes it unique per user"
        ),
        sa.Column("title", sa.Text(), server_default="", nullable=False),
        sa.Column("tags", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("excerpt", sa.Text(), server_default="", nullable=False),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), nullable=True, comment="when the user saved it, as upstream says"
        ),
        sa.Column(
            "state", sa.Text(), server_default="queued", nullable=False, comment="queued, done, failed or cancelled"
        ),
        sa.Column("error_code", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True, comment="the sentence a person reads"),
        sa.Column("advice", sa.Text(), nullable=True),
        sa.Column("submitted_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("state IN ('queued', 'done', 'failed', 'cancelled')", name=op.f("ck_bookmarks_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bookmarks")),
        sa.UniqueConstraint("user_id", "url_digest", name=op.f("uq_bookmarks_user_id_url_digest")),
        postgresql_with={"fillfactor": "90"},
    )
    op.create_index(
        "ix_bookmarks_ended",
        "bookmarks",
        ["updated_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('done', 'failed')"),
    )
    op.create_index("ix_bookmarks_user_id_id", "bookmarks", ["user_id", "id"], unique=False)
    op.create_index("ix_bookmarks_user_id_state_id", "bookmarks", ["user_id", "state", "id"], unique=False)
    op.create_table(
        "lanes",
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="idle", nullable=False, comment="idle, ready, full or asleep"),
        sa.Column("reason", sa.Text(), nullable=True, comment="why it is asleep (WaitReason)"),
        sa.Column(
            "wake_at", sa.DateTime(timezone=True), nullable=True, comment="when an asleep lane may be served again"
        ),
        sa.Column(
            "rest_until",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="the whole lane rests until then, whatever its jobs",
        ),
        sa.Column("rest_reason", sa.Text(), nullable=True, comment="why it rests (WaitReason)"),
        sa.Column(
            "waits_since",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="since when no call can be made, over short wakings",
        ),
        sa.Column(
            "paused", sa.Boolean(), server_default=sa.text("false"), nullable=False, comment="an operator's pause"
        ),
        sa.Column(
            "last_served_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("'epoch'"),
            nullable=False,
            comment="a lane never served goes first",
        ),
        sa.CheckConstraint("(state = 'asleep') = (wake_at IS NOT NULL)", name=op.f("ck_lanes_asleep_until")),
        sa.CheckConstraint("state IN ('idle', 'ready', 'full', 'asleep')", name=op.f("ck_lanes_state")),
        sa.PrimaryKeyConstraint("user_id", "stage", name=op.f("pk_lanes")),
        postgresql_with={
            "fillfactor": "70",
            "autovacuum_vacuum_scale_factor": "0.02",
            "autovacuum_analyze_scale_factor": "0.02",
        },
    )
    op.create_index(
        "ix_lanes_waiting",
        "lanes",
        ["waits_since"],
        unique=False,
        postgresql_where=sa.text("waits_since IS NOT NULL"),
    )
    op.create_index(
        "ix_lanes_asleep", "lanes", ["stage", "wake_at"], unique=False, postgresql_where=sa.text("state = 'asleep'")
    )
    op.create_index(
        "ix_lanes_ready",
        "lanes",
        ["stage", "last_served_at"],
        unique=False,
        postgresql_where=sa.text("state = 'ready' AND NOT paused"),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger(), autoincrement=True, nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False, comment="the CloudEvents type"),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("trace", sa.Text(), nullable=True, comment="where it came to be, as W3C's traceparent"),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
    )
    op.create_table(
        "provider_calls",
        sa.Column("id", sa.BigInteger(), autoincrement=True, nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("key_source", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("weight", sa.SmallInteger(), server_default="1", nullable=False),
        sa.Column("items", sa.SmallInteger(), nullable=False),
        sa.Column("outcome", sa.Text(), server_default="started", nullable=False),
        sa.Column("prompt_tokens", sa.Integer(), server_default="0", nullable=False),
        sa.Column("answer_tokens", sa.Integer(), server_default="0", nullable=False),
        sa.Column(
            "cost_micros",
            sa.BigInteger(),
            server_default="0",
            nullable=False,
            comment="millionths of a US dollar",
        ),
        sa.Column("started_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_provider_calls")),
    )
    op.create_index("ix_provider_calls_user_id_started_at", "provider_calls", ["user_id", "started_at"], unique=False)
    op.create_table(
        "receipts",
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("answer", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "source", "key", name=op.f("pk_receipts")),
    )
    op.create_table(
        "analyses",
        sa.Column("bookmark_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("key_concepts", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("difficulty", sa.Text(), nullable=False),
        sa.Column("technologies", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("learning_path", sa.Text(), nullable=False),
        sa.Column("project_applicability", sa.Text(), nullable=False),
        sa.Column("skill_development", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("analysed_by", sa.Text(), nullable=False),
        sa.Column("key_source", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("prompt_version", sa.Text(), nullable=False),
        sa.Column("prompt_tokens", sa.Integer(), server_default="0", nullable=False),
        sa.Column("answer_tokens", sa.Integer(), server_default="0", nullable=False),
        sa.Column(
            "chars_left_out", sa.Integer(), server_default="0", nullable=False, comment="of the text, at its end"
        ),
        sa.Column("analysed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["bookmark_id"], ["bookmarks.id"], name=op.f("fk_analyses_bookmark_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("bookmark_id", name=op.f("pk_analyses")),
    )
    op.create_index(
        "ix_analyses_heuristic",
        "analyses",
        ["user_id"],
        unique=False,
        postgresql_where=sa.text("analysed_by = 'heuristic'"),
    )
    op.create_table(
        "contents",
        sa.Column("bookmark_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("strategy", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("final_url", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("author", sa.Text(), nullable=True),
        sa.Column("site_name", sa.Text(), nullable=True),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column("published", sa.Text(), nullable=True, comment="a date, ISO 8601"),
        sa.Column("image", sa.Text(), nullable=True, comment="address of the lead image"),
        sa.Column("pages", sa.Integer(), nullable=True, comment="of a document made for print"),
        sa.Column(
            "links",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'::jsonb"),
            nullable=False,
            comment="[{text, url}] in the text",
        ),
        sa.Column("chars", sa.Integer(), nullable=False),
        sa.Column("words", sa.Integer(), nullable=False),
        sa.Column("fetched_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["bookmark_id"], ["bookmarks.id"], name=op.f("fk_contents_bookmark_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("bookmark_id", name=op.f("pk_contents")),
    )
    op.create_table(
        "jobs",
        sa.Column("id", sa.BigInteger(), autoincrement=True, nullable=False),
        sa.Column("bookmark_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="queued", nullable=False),
        sa.Column("attempts", sa.SmallInteger(), server_default="0", nullable=False, comment="tries that failed"),
        sa.Column("ready_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True, comment="why it is not ready yet (WaitReason)"),
        sa.Column(
            "replaces",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="its bookmark shows an analysis already: goes after those that show none",
        ),
        sa.Column("token", sa.Text(), nullable=True, comment="the newest release's fence"),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error_code", sa.Text(), nullable=True, comment="of the newest failed try"),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("trace", sa.Text(), nullable=True, comment="what it follows from, as W3C's traceparent"),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state IN ('released', 'running')) = (token IS NOT NULL AND lease_until IS NOT NULL)",
            name=op.f("ck_jobs_out_has_lease"),
        ),
        sa.CheckConstraint(
            "state IN ('queued', 'released', 'running', 'done', 'failed', 'cancelled')", name=op.f("ck_jobs_state")
        ),
        sa.ForeignKeyConstraint(
            ["bookmark_id"], ["bookmarks.id"], name=op.f("fk_jobs_bookmark_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
        postgresql_with={
            "fillfactor": "70",
            "autovacuum_vacuum_scale_factor": "0.02",
            "autovacuum_analyze_scale_factor": "0.02",
        },
    )
    op.create_index("ix_jobs_bookmark", "jobs", ["bookmark_id", "id"], unique=False)
    op.create_index(
        "ix_jobs_failed", "jobs", ["user_id", "id"], unique=False, postgresql_where=sa.text("state = 'failed'")
    )
    op.create_index(
        "ix_jobs_leased",
        "jobs",
        ["lease_until"],
        unique=False,
        postgresql_where=sa.text("state IN ('released', 'running')"),
    )
    op.create_index(
        "ix_jobs_open",
        "jobs",
        ["bookmark_id", "stage"],
        unique=True,
        postgresql_where=sa.text("state IN ('queued', 'released', 'running')"),
    )
    op.create_index(
        "ix_jobs_out",
        "jobs",
        ["stage", "state", "user_id"],
        unique=False,
        postgresql_where=sa.text("state IN ('released', 'running')"),
    )
    op.create_index(
        "ix_jobs_in_turn",
        "jobs",
        ["stage", "user_id", "replaces", "ready_at", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'queued'"),
    )
    op.create_index(
        "ix_jobs_queued",
        "jobs",
        ["stage", "user_id", "ready_at", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'queued'"),
    )


def downgrade() -> None:
    """Go back to the step before."""
    op.drop_table("jobs")
    op.drop_table("contents")
    op.drop_table("analyses")
    op.drop_table("receipts")
    op.drop_table("provider_calls")
    op.drop_table("outbox")
    op.drop_table("lanes")
    op.drop_table("bookmarks")
    op.drop_table("audit")
    op.drop_table("api_keys")
