"""Turns at sites: for the whole fleet in Redis, for one process in memory, and the one with the other to stand in."""
