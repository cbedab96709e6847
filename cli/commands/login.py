"""`orderstream login`: a person consents in the browser, orderstream keeps the refresh token."""

from __future__ import annotations

import webbrowser

import typer

from cli.commands.login_callback import LoginCallback
from cli.console.terminal import EXIT_NO, fail, stdout
from stream.config import load_settings
from stream.errors import SettingsError
from stream.settings.salesforce import SalesforceSettings

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
    try:
        callback = LoginCallback(port)
    except OSError as error:
        fail(f"--port {port}: cannot listen there ({error.strerror}); choose another one")
    with callback:
        _run(settings, callback, is_opened=not no_browser, wait_seconds=wait_seconds)


def _run(
    settings: SalesforceSettings, callback: LoginCallback, *, is_opened: bool, wait_seconds: float
) -> None:
    from agents.salesforce.api.wiring import build_endpoint
    from agents.salesforce.auth.browser_login import BrowserLogin
    from agents.salesforce.auth.refresh_token import RefreshTokenFile
    from agents.salesforce.errors.errors import LoginError

    client_id = settings.salesforce_client_id.get_secret_value()
    attempt = BrowserLogin(client_id, callback.redirect_uri)
    endpoint = build_endpoint(settings)
    try:
        address = attempt.authorize_url(endpoint.login_url)
    except LoginError as error:
        fail(str(error))
    stdout.print(f"Open this address in a browser:\n\n{address}\n", soft_wrap=True, markup=False)
    if is_opened:
        webbrowser.open(address)
    answer = callback.wait(wait_seconds)
    if answer is None:
        fail(f"nobody came back within {wait_seconds:g} seconds", code=EXIT_NO)
    store = RefreshTokenFile(settings.salesforce_refresh_token_path)
    try:
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
