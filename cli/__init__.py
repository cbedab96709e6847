"""The `orderstream` command: one file per command, wired in `cli.main`."""
