"""What the front door does: the rules for what is handed in, and one use case a file; touches no technology."""
