"""`python -m sandbox.salesforce`: a simulated org on a port, until SIGTERM or Ctrl-C.

Prints one JSON line when it is ready: url, consumer_key, client_secret, username and where the
private key is.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import signal
import sys
from pathlib import Path

import orjson
import uvloop

from sandbox.salesforce.keys import make_key_pair, public_pem
from sandbox.salesforce.profiles import PROFILES
from sandbox.salesforce.server import CONSUMER_KEY, USERNAME, SalesforceOrg
from sandbox.salesforce.settings import Settings

# A million dictionaries live as long as the org: look for garbage among them less often.
_GARBAGE_THRESHOLD = 50_000


def parse(arguments: list[str]) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.salesforce", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0: any free port")
    parser.add_argument("--public-url", default="", help="where clients reach it, if elsewhere")
    parser.add_argument("--jwt-public-key", type=Path, help="PEM file: public key or certificate")
    parser.add_argument("--generate-key", type=Path, metavar="DIR", help="make server.key in DIR")
    parser.add_argument("--consumer-key", default=CONSUMER_KEY)
    parser.add_argument("--client-secret", default="", help="default: a random one, printed")
    parser.add_argument("--username", default=USERNAME)
    parser.add_argument("--latency-ms", type=float, default=0.0, help="of every call")
    parser.add_argument("--daily-limit", type=int, default=100_000, help="API calls a day")
    parser.add_argument("--history", type=int, default=50_000, help="writes kept in full")
    parser.add_argument("--no-version-field", action="store_true", help="an org without the guard")
    parser.add_argument("--no-package", action="store_true", help="an org without our fields")
    parser.add_argument("--no-stale-rule", action="store_true", help="field yes, rule no")
    parser.add_argument("--profile", choices=PROFILES, default="plain", help="settings of a kind")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="any other setting"
    )
    return parser.parse_args(arguments)


def settings_of(options: argparse.Namespace) -> Settings:
    """Return the settings; raises ValueError that names a bad one."""
    settings = Settings(
        latency_ms=options.latency_ms,
        daily_limit=options.daily_limit,
        history_limit=options.history,
        stale_rule=not options.no_stale_rule,
    )
    settings.change(PROFILES[options.profile])
    pairs = (item.partition("=") for item in options.set)
    settings.change({name: _value(text) for name, _, text in pairs})
    return settings


def _value(text: str) -> object:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text


async def run(options: argparse.Namespace, settings: Settings) -> None:
    """Serve until a signal says stop."""
    private_path, public_key = None, ""
    if options.generate_key:
        private_path, public_path = make_key_pair(options.generate_key)
        public_key = public_path.read_text()
    if options.jwt_public_key:
        public_key = public_pem(options.jwt_public_key.read_text())
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with SalesforceOrg.serve(
        host=options.host,
        port=options.port,
        settings=settings,
        public_key=public_key,
        consumer_key=options.consumer_key,
        client_secret=options.client_secret,
        username=options.username,
        public_url=options.public_url,
        has_version_field=not options.no_version_field,
        has_package=not options.no_package,
    ) as server:
        key = private_path or server.private_key_path
        ready = {
            "event": "ready",
            "url": server.url,
            "consumer_key": server.consumer_key,
            "client_secret": server.client_secret,
            "username": server.username,
            "private_key_path": str(key) if key else None,
        }
        sys.stdout.write(orjson.dumps(ready).decode() + "\n")
        sys.stdout.flush()
        await stop.wait()


def main() -> None:
    options = parse(sys.argv[1:])
    try:
        settings = settings_of(options)
    except ValueError as error:
        sys.exit(f"python -m sandbox.salesforce: {error}")
    gc.set_threshold(_GARBAGE_THRESHOLD)
    uvloop.run(run(options, settings))


if __name__ == "__main__":
    main()
