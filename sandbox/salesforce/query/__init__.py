"""SOQL and query cursors."""
