"""The store's REST API: signed, paced, paged. It moves documents and never interprets them."""
