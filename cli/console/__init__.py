"""What commands share: options, terminal, progress."""
