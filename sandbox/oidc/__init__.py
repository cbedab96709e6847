"""A small sign-in provider (OpenID Connect) for whoever has none."""
