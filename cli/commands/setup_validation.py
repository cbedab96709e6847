"""`orderstream validate` on processes that run for as long as it takes, with the new settings.

The ingress takes signed webhooks on a free port and with a secret of this run, whatever sender was
chosen: what is proven is the way from there to the records. `validate --wait` proves the store's.
"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

from cli.commands.setup_installation import Installation, SetupError
from cli.commands.validate import validate_pipe
from cli.console.simulators import need_sandbox
from stream.config import Role, Settings

PATIENCE_SECONDS = 60.0
SINGLE_WORKER = 1


async def validate_installation(place: Installation) -> dict[str, Any]:
    """Start ingress, relay and one worker, send the orders, stop them; return the report."""
    need_sandbox("starting ingress, relay and a worker for seven orders")
    from sandbox.pipeline import Pipeline
    from sandbox.ports import HOST, free_port
    from sandbox.process import ProcessError
    from sandbox.processes import Processes

    settings = place.settings(Role.OPERATOR, Role.SALESFORCE)
    port, secret = free_port(), secrets.token_hex(32)
    own = {
        "INGRESS_SENDERS": "hmac",
        "MAGENTO_WEBHOOK_SECRET": secret,
        "INGRESS_HOST": HOST,
        "INGRESS_PORT": str(port),
        "STATE_DIRECTORY": str(place.own_directory / "setup" / "state"),
    }
    async with Processes(place.own_directory / "setup") as processes:
        pipeline = Pipeline(
            processes=processes,
            env=environment(place, settings) | own,
            secret=secret,
            salesforce_url=settings.salesforce_login_url,
            ingress_url=f"http://{HOST}:{port}",
            workers=SINGLE_WORKER,
        )
        try:
            await pipeline.start_product()
        except* ProcessError as group:
            raise SetupError(str(group.exceptions[0])) from None
        return await validate_pipe(
            settings, pipeline.webhook_url, secret, patience_seconds=PATIENCE_SECONDS
        )


def environment(place: Installation, settings: Settings) -> dict[str, str]:
    """Return the settings in force as variables; paths lead there from any folder."""
    given = place.env_file.read()
    found = {name: value for name, value in given.items() if name.lower() in Settings.model_fields}
    for name in settings.model_fields_set - {"port"}:
        value = getattr(settings, name)
        if isinstance(value, Path):
            found[name.upper()] = str((place.directory / value).resolve())
        elif hasattr(value, "get_secret_value"):
            found[name.upper()] = value.get_secret_value()
        elif isinstance(value, bool | str | int | float):
            found[name.upper()] = str(value)
    return found
