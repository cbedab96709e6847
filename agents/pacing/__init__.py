"""How fast Salesforce may be called: breaker → daily budget → concurrency → calls per second."""
