"""Where state is kept: SQL is the truth, Redis carries revocations faster."""
