"""The local page that Salesforce sends the browser back to: answers one request and is gone."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

PATH = "/OauthRedirect"
REQUEST_SECONDS = 10.0  # a connection that says nothing is closed
PAGE = "<!doctype html><meta charset=utf-8><title>orderstream</title><p>{text}</p>"


class LoginCallback:
    """Listens on 127.0.0.1; a context manager. `redirect_uri` is what the app must allow."""

    def __init__(self, port: int) -> None:
        """Bind the port, 0 for any free one. Raises OSError when it is taken."""
        self._answers: queue.SimpleQueue[dict[str, str]] = queue.SimpleQueue()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self._answers.put))
        self._server.daemon_threads = True
        self._server.timeout = 0.2

    @property
    def redirect_uri(self) -> str:
        # Salesforce allows plain http for the name localhost, not for its address.
        return f"http://localhost:{self._server.server_port}{PATH}"

    def wait(self, seconds: float) -> dict[str, str] | None:
        """Return the query the browser came back with, or None when it did not in time."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self._server.handle_request()
            try:
                return self._answers.get_nowait()
            except queue.Empty:
                continue
        return None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.server_close()


def _handler(answer: Callable[[dict[str, str]], None]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """Answers the callback's path alone; browsers ask for icons too."""

        timeout = REQUEST_SECONDS

        def do_GET(self) -> None:
            target = urlsplit(self.path)
            if target.path != PATH:
                self.send_error(404)
                return
            query = dict(parse_qsl(target.query, keep_blank_values=True))
            text = "Salesforce said no." if "error" in query else "Done."
            body = PAGE.format(text=f"{text} Go back to the terminal.").encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            answer(query)

        def log_message(self, *_: Any) -> None:
            """Say nothing: the request line holds the code."""

    return Handler
