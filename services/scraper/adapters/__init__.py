"""How the scraper reaches the web, and how it reads what came back."""
