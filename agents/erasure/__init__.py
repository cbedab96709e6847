"""Erasing a person: what is theirs, what becomes of it, and why no later event brings it back."""
