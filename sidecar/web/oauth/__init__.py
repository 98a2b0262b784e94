"""The OAuth endpoints: tokens for programs and refresh tokens, their end, what they are worth."""
