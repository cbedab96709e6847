"""Dead letters: the index of what is open, edits, resolutions, requeue."""
