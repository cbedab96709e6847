"""One batch of events: decode, guard versions, decide, publish outcomes."""
