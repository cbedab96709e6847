"""`orderstream magento subscribe`: tell the store what to post, and where."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.console.terminal import fail, print_json, run_async
from stream.config import Role, Settings, load_settings, secret_problems
from stream.magento.subscriptions import DEFAULT_EVENTS, Subscription, subscriptions_for
from stream.magento.subscriptions import subscribe as subscribe_each
from stream.settings.magento import MagentoSettings

app = typer.Typer(
    name="magento", help="Set the store up.", no_args_is_help=True, add_completion=False
)


@app.callback()
def _magento() -> None:
    """Set the store up."""


@app.command()
def subscribe(
    url: Annotated[
        str, typer.Argument(help="The ingress as the store reaches it, e.g. https://in.example.com")
    ],
    event: Annotated[
        list[str] | None,
        typer.Option(help="An event of mage-os async events; may be repeated. Default: all ours."),
    ] = None,
    dry_run: Annotated[bool, typer.Option(help="Only show what would be subscribed.")] = False,
) -> None:
    """Subscribe this store's mage-os async events to an ingress. Prints JSON.

    Needs the module on the store, MAGENTO_* of an integration that may manage its subscriptions,
    and MAGEOS_VERIFICATION_TOKEN, whose first value the store will sign with. Running it twice
    subscribes twice: events then arrive twice, which does no harm. Exit 2: the store refuses.

    Example: orderstream magento subscribe https://in.example.com --dry-run
    """
    if not url.startswith(("https://", "http://")):
        fail(f"URL: {url} is no address; write it like https://in.example.com")
    wanted = subscriptions_for(url, event or DEFAULT_EVENTS)
    if dry_run:
        print_json([_shown(item) for item in wanted])
        return
    settings = load_settings(Role.MAGENTO)
    problems = _token_problems(settings)
    if problems:
        fail("; ".join(problems))
    run_async(_subscribe(settings, wanted))


async def _subscribe(settings: Settings, wanted: list[Subscription]) -> None:
    done = []
    try:
        async for subscription, answer in subscribe_each(settings, wanted):
            made = answer if isinstance(answer, dict) else {}
            done.append(_shown(subscription) | {"id": made.get("subscription_id")})
    finally:
        print_json(done)


def _token_problems(settings: MagentoSettings) -> list[str]:
    return secret_problems("MAGEOS_VERIFICATION_TOKEN", settings.mageos_tokens)


def _shown(subscription: Subscription) -> dict[str, object]:
    return {"event": subscription.event, "recipient_url": subscription.recipient_url}
