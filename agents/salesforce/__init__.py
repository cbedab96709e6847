"""Talking to Salesforce: tokens, connection, calls, and the table of what it can answer."""
