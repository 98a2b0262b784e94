"""What the service tells about itself; it never sees a raw token or password."""
