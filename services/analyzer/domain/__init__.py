"""Rules and use cases of the analyzer; touches no technology."""
