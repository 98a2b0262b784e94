"""HTTP: requests become questions, verdicts become answers."""
