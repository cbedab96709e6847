"""Settings in groups, one per subject. `stream.config.Settings` is all of them together.

A function takes the group it needs, so its signature says what it depends on.
"""
