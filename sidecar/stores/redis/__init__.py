"""The faster carrier of revocations; nothing depends on it."""
