"""Webhooks in, records out: read, verify, decode, publish, answer."""
