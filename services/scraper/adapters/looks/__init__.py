"""Where users' shared looks are kept: in Redis for a fleet, in memory for tests."""
