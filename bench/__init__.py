"""Measured claims: one command per family of figures, `make bench` for docs/benchmarks.md."""
