"""Alembic's entry: runs the steps on the connection that `shared.ledger.migrate` hands over."""

from alembic import context

from shared.ledger.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, compare_type=True)
with context.begin_transaction():
    context.run_migrations()
