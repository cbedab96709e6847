"""A store's history, read over REST and published as events."""
