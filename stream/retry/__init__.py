"""The retry relay: waits for what is due, and forwards it."""
