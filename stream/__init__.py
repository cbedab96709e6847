"""Moving events: HTTP in, Kafka topics, retries, replays. Never interprets Salesforce.

The road of one event: `signature` → `ingress` → `publisher` → magento.orders → (agents) →
salesforce.results | salesforce.retry.* → `relay` → salesforce.due → (agents) | salesforce.dlq.
"""
