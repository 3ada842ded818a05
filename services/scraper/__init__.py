"""The scraper: released bookmarks come in, their pages' main text goes to the ledger.

A job is claimed, its page fetched through the egress guard, parsed in a process of its own, judged, and stored; or it
goes on to the render stage, which shows the page in a browser and does the same; or it ends with a typed failure and
fallback content. A page that many saved is looked at once for all of them. Nothing here is kept between two jobs but
warm parser processes and a browser.
"""
