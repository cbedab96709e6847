"""`orderstream validate`."""
