"""The image of Apache Kafka that Compose, the demo and the tests run."""

IMAGE = "apache/kafka:4.3.1"
