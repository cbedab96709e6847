"""What a mapping would write, without writing it."""
