"""Erasure of a person from the topics: find, then publish."""
