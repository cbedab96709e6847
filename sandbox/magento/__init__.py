"""A Magento store to run against: realistic orders and the senders that deliver them."""
