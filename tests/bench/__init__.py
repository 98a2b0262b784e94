"""CPU per request of the real service, beside a bare aiohttp handler: `make bench`."""
