"""The programs of the fleet; they meet in messages and in the ledger, never in each other's code."""
