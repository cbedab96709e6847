"""A partition's log, read and compared: how far it goes, and whether it is still the same."""
