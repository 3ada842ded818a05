"""The whole fleet on one machine: embedded servers, one process per role, and nothing left behind.

In: the options of `fleet up`. Out: a running fleet, `<data>/fleet.env` for the other commands, and its page.
`servers/` knows each server; `processes` and `warden` start and end them; `supervisor` keeps them up; `up` tells
the story.
"""
