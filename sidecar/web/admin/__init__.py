"""`/admin`: people and the audit trail, for administrators with a browser."""
