"""Programs, and the tokens that people give to their scripts."""
