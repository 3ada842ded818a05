"""The analyzer: contents of one user come in as released jobs, analyses go out into the ledger.

It asks the provider on the user's own key, within the user's quota; where no key may be used, it reads the text
itself (`domain.heuristic`) and says so. It can read keys and cannot write them.
"""
