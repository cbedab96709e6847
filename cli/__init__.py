"""The `orderstream` command: one file per command, wired in `cli.main`."""

from stream.ops.gc_tuning import collect_seldom

# Before the first import of size: what is imported stays, and looking for garbage among it took an
# eighth of the start of every process.
collect_seldom()
