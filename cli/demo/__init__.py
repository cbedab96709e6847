"""`orderstream demo`."""
