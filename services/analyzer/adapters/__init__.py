"""What the analyzer alone reaches outside: the provider."""
