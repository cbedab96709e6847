"""Kafka: connections, records, producers, readers, topic administration."""
