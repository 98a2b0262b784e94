"""Files that others write while the service runs: the key directory and the policy."""
