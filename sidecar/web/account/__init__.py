"""`/account`: what is somebody's own, in a browser."""
