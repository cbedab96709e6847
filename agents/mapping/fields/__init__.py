"""One field of a row: what is read becomes what its type in the org takes."""
