"""Limits and wishes per user, limits learned from the provider, signs of abuse, and from where an audited act came."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this step."""
    op.create_table(
        "user_limits",
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("minute", sa.Integer(), nullable=True, comment="calls in any 60 seconds; the deployment's when null"),
        sa.Column("day", sa.Integer(), nullable=True),
        sa.Column("month", sa.Integer(), nullable=True),
        sa.Column("set_by", sa.Text(), nullable=False, comment="who set them, as the audit trail names them"),
        sa.Column("set_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("minute >= 0 AND day >= 0 AND month >= 0", name=op.f("ck_user_limits_not_negative")),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_user_limits")),
    )
    op.create_table(
        "user_preferences",
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False, comment="of the user's analyses: a tag (BCP 47), or page"),
        sa.Column("set_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_user_preferences")),
    )
    op.create_table(
        "learned_limits",
        sa.Column("account", sa.Text(), nullable=False, comment="whose quota (shared.quota.Account.name)"),
        sa.Column("window", sa.Text(), nullable=False, comment="minute, day or month"),
        sa.Column(
            "user_id", sa.Text(), nullable=True, comment="the user behind the account; null for the default key's"
        ),
        sa.Column("calls", sa.Integer(), nullable=False, comment="what the provider says it allows"),
        sa.Column("source", sa.Text(), nullable=False, comment="the provider's name of the quota, its quotaId"),
        sa.Column("learned_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False, comment="from then on it is forgotten"),
        sa.CheckConstraint("calls >= 0", name=op.f("ck_learned_limits_not_negative")),
        sa.PrimaryKeyConstraint("account", "window", name=op.f("pk_learned_limits")),
    )
    op.create_index("ix_learned_limits_user_id", "learned_limits", ["user_id"])
    op.create_table(
        "signals",
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="submission_burst, calls_denied, bad_keys or shared_key"),
        sa.Column("times", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column(
            "details",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default="{}",
            nullable=False,
            comment="the newest sign's figures",
        ),
        sa.PrimaryKeyConstraint("user_id", "kind", name=op.f("pk_signals")),
    )
    op.add_column(
        "audit",
        sa.Column(
            "origin",
            sa.Text(),
            nullable=True,
            comment="from where: the caller's network address, or the host a command or process runs on",
        ),
    )
    op.create_index("ix_audit_user_id_id", "audit", ["user_id", "id"])
    op.create_index("ix_jobs_failed_id", "jobs", ["id"], postgresql_where=sa.text("state = 'failed'"))
    op.create_index("ix_jobs_ended", "jobs", ["ended_at"], postgresql_where=sa.text("state IN ('done', 'failed')"))
    op.create_index("ix_api_keys_fingerprint", "api_keys", ["fingerprint"])
    op.add_column(
        "api_keys",
        sa.Column(
            "exhausted_until",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when an exhausted key is active again",
        ),
    )
    op.create_index(
        "ix_api_keys_exhausted_until",
        "api_keys",
        ["exhausted_until"],
        postgresql_where=sa.text("exhausted_until IS NOT NULL"),
    )
    op.create_index(
        "ix_provider_calls_default_key",
        "provider_calls",
        ["started_at"],
        postgresql_where=sa.text("key_source = 'default'"),
    )


def downgrade() -> None:
    """Go back to the step before."""
    op.drop_index("ix_provider_calls_default_key", table_name="provider_calls")
    op.drop_index("ix_api_keys_exhausted_until", table_name="api_keys")
    op.drop_column("api_keys", "exhausted_until")
    op.drop_index("ix_api_keys_fingerprint", table_name="api_keys")
    op.drop_index("ix_jobs_ended", table_name="jobs")
    op.drop_index("ix_jobs_failed_id", table_name="jobs")
    op.drop_index("ix_audit_user_id_id", table_name="audit")
    op.drop_column("audit", "origin")
    op.drop_table("signals")
    op.drop_table("learned_limits")
    op.drop_table("user_preferences")
    op.drop_table("user_limits")
