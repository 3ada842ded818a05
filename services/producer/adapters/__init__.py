"""What the front door alone talks to: one file per technology."""
