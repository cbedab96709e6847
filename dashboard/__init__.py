"""The dashboard: what the terminal shows, in a browser, from the same code. Start: `app.py`."""
