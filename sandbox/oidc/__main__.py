"""`python -m sandbox.oidc`: a sign-in provider on a port, until SIGTERM or Ctrl-C.

It lets `--name` of `--groups` in without asking. Prints one JSON line when it is ready.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys

import orjson

from sandbox.oidc.provider import OidcProvider, User


async def run(options: argparse.Namespace) -> None:
    """Serve until a signal says stop."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with OidcProvider.serve(
        redirect_uri=options.redirect_uri, client_secret=options.client_secret, port=options.port
    ) as provider:
        provider.user = User(name=options.name, groups=options.groups.split(","))
        ready = {"event": "ready", "issuer": provider.url, "client_id": provider.client_id}
        sys.stdout.write(orjson.dumps(ready).decode() + "\n")
        sys.stdout.flush()
        await stop.wait()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m sandbox.oidc", description=__doc__)
    parser.add_argument("--redirect-uri", default="http://127.0.0.1:8081/login/callback")
    parser.add_argument("--client-secret", default="", help="empty: a public client")
    parser.add_argument("--port", type=int, default=0, help="0: any free port")
    parser.add_argument("--name", default="ann@example.com")
    parser.add_argument("--groups", default="operators", help="separated by commas")
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
