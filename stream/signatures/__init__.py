"""Signatures of webhooks: HMAC-SHA256, timestamped, RSA. Pure: bytes in, a verdict out."""
