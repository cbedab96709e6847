"""One hardening for every HTTP server of ours: limits, deadlines, and answers that tell nothing."""
