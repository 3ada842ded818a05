"""The steps that bring a database to the schema of tables.py; `shared.ledger.migrate` takes them."""
