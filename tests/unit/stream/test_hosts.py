"""A host is what every parser takes for one, or it is none."""

from __future__ import annotations

import pytest
import urllib3
from hypothesis import given
from hypothesis import strategies as st

from agents.salesforce.auth.instance_url import checked_url
from agents.salesforce.errors.errors import LoginError
from stream.hosts import https_host, is_below

ALLOWED = ".my.salesforce.com"


@pytest.mark.parametrize(
    "url",
    [
        "https://acme.my.salesforce.com",
        "https://ACME.my.salesforce.com:443/path?x=1",
        "https://a--b.sandbox.my.salesforce.com",
    ],
)
def test_a_plain_address_has_its_host(url) -> None:
    assert https_host(url).endswith(ALLOWED)
    assert is_below(https_host(url), "salesforce.com")


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1\\.salesforce.com",
        "https://evil.example\\@acme.my.salesforce.com",
        "https://user@acme.my.salesforce.com",
        "https://evil.example,.my.salesforce.com",
        "https://evil.example;.my.salesforce.com",
        "https://evil.example%2f.my.salesforce.com",
        "https://evil example.my.salesforce.com",
        "https://evil.example\t.my.salesforce.com",
        "https://evil.example\n.my.salesforce.com",
        "https://evil.example/.my.salesforce.com",
        "https://evil.example#.my.salesforce.com",
        "https://evil.example?.my.salesforce.com",
        "https://[::1].my.salesforce.com",
        "https://-.my.salesforce.com",
        "https://acme..my.salesforce.com",
        "https://.my.salesforce.com",
        "https://\uff45vil.my.salesforce.com",
        "https://acme.my.salesforce.com:444",
        "https://acme.my.salesforce.com:",
        "http://acme.my.salesforce.com",
        "https://salesforce.com",
        "https://",
    ],
)
def test_what_is_no_plain_host_gets_no_token(url) -> None:
    with pytest.raises(LoginError):
        checked_url(url, setting="the instance_url")


@given(
    st.text(alphabet="ab1-", min_size=1, max_size=8),
    st.sampled_from(["", ".", *list("_\\\\@:/?#%,; []\t\u2024")]),
    st.text(alphabet="ab1.", max_size=8),
)
def test_the_checked_host_is_where_the_connection_goes(start, odd, rest) -> None:
    url = f"https://{start}{odd}{rest}{ALLOWED}"
    host = https_host(url)
    assert not host or (urllib3.util.parse_url(url).host or "").lower() == host
