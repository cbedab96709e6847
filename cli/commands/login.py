"""`orderstream login`: a person consents in the browser, orderstream keeps the refresh token."""

from __future__ import annotations

import webbrowser
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

import typer

from cli.commands.login_callback import login_callback
from cli.console.terminal import EXIT_NO, fail, run_async, stdout
from stream.config import load_settings
from stream.errors import SettingsError
from stream.settings.salesforce import SalesforceSettings

if TYPE_CHECKING:
    from agents.salesforce.auth.browser_login import BrowserLogin

# As the Salesforce CLI: the app must name the callback exactly, so the port cannot be any free one.
DEFAULT_PORT = 1717
WAIT_SECONDS = 300.0


def login(
    port: int = typer.Option(
        DEFAULT_PORT, min=0, max=65535, help="Port of the callback on this machine; 0: a free one."
    ),
    no_browser: bool = typer.Option(False, "--no-browser", help="Only print the address."),
    wait_seconds: float = typer.Option(
        WAIT_SECONDS, min=1, help="How long to wait for the browser to come back."
    ),
) -> None:
    """Log in to Salesforce in the browser and keep the refresh token for SALESFORCE_AUTH_FLOW=web.

    The app's Callback URL must be http://localhost:1717/OauthRedirect (or your --port), its scopes
    api and refresh_token. The token goes to SALESFORCE_REFRESH_TOKEN_PATH, readable by you only.

    Exit 0: logged in; 1: refused, or nobody came back; 2: settings or port are wrong.

    Example: orderstream login --no-browser
    """
    settings = load_settings()
    if not settings.salesforce_client_id.get_secret_value():
        raise SettingsError(["SALESFORCE_CLIENT_ID: missing; the consumer key of your app"])
    log_in(settings, port, is_opened=not no_browser, wait_seconds=wait_seconds)


def log_in(
    settings: SalesforceSettings, port: int, *, is_opened: bool, wait_seconds: float
) -> None:
    """Let a person consent and keep the token; exits 1 when Salesforce refuses."""
    from agents.salesforce.api.wiring import build_endpoint
    from agents.salesforce.auth.browser_login import BrowserLogin
    from agents.salesforce.auth.refresh_token import RefreshTokenFile
    from agents.salesforce.errors.errors import LoginError

    attempt = BrowserLogin(settings.salesforce_client_id.get_secret_value(), redirect_uri="")
    endpoint = build_endpoint(settings)
    store = RefreshTokenFile(settings.salesforce_refresh_token_path)
    try:
        consent = _consent(
            attempt, endpoint.login_url, port, is_opened=is_opened, wait_seconds=wait_seconds
        )
        attempt, answer = run_async(consent)
        if answer is None:
            fail(f"nobody came back within {wait_seconds:g} seconds", code=EXIT_NO)
        secret = settings.salesforce_client_secret.get_secret_value()
        token = attempt.exchange(attempt.code_of(answer), endpoint, client_secret=secret)
        with store.locked():
            store.write(token.refresh_token)
    except LoginError as error:
        fail(str(error), code=EXIT_NO)
    except OSError as error:
        fail(f"SALESFORCE_REFRESH_TOKEN_PATH: {store.path}: {error.strerror}", code=EXIT_NO)
    stdout.print(f"Logged in to {token.instance_url}; refresh token kept in {store.path}.")
    if settings.salesforce_auth_flow != "web":
        stdout.print("Set SALESFORCE_AUTH_FLOW=web to use it.")


async def _consent(
    attempt: BrowserLogin, login_url: str, port: int, *, is_opened: bool, wait_seconds: float
) -> tuple[BrowserLogin, dict[str, str] | None]:
    """Show the address, open it; return the attempt and what the browser came back with."""
    async with AsyncExitStack() as stack:
        try:
            callback = await stack.enter_async_context(login_callback(port, attempt.state))
        except OSError as error:
            fail(f"--port {port}: cannot listen there ({error.strerror}); choose another one")
        attempt = replace(attempt, redirect_uri=callback.redirect_uri)
        address = attempt.authorize_url(login_url)
        stdout.print(
            f"Open this address in a browser:\n\n{address}\n", soft_wrap=True, markup=False
        )
        if is_opened:
            webbrowser.open(address)
        return attempt, await callback.wait(wait_seconds)
