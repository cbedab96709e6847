"""What the pages show, kept fresh."""
