"""What the scraper decides: which pages can be used, what is kept of them, and what stands in for the others."""
