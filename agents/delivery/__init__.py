"""Rows into API calls: plan, execute, retry in place, apply results."""
