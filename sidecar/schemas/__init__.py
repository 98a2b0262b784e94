"""What documents, bodies and claims look like."""
