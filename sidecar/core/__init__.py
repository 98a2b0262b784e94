"""What is valid: types and pure functions. No I/O, no clock, no randomness."""
