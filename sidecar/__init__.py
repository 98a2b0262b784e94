"""Forward auth beside your reverse proxy."""

__version__ = "0.1.0"
