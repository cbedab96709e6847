"""Logins: OAuth flows, tokens, hosts."""
