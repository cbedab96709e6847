"""Jobs of an operator: what they are, how they run, and their log."""
