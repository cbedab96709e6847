"""The user that a proxy before us has signed in, by its headers. Pure.

A header says nothing by itself: anybody can send one. It counts only on a connection from an
address that DASHBOARD_PROXY_ADDRESSES lists, and only if it is there exactly once.
"""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address, ip_network

from multidict import CIMultiDictProxy

from dashboard.site.groups import ProvedUser
from stream.settings.dashboard import DashboardSettings


def user_of_proxy(
    headers: CIMultiDictProxy[str], remote: str | None, settings: DashboardSettings
) -> ProvedUser | None:
    """Return whom the proxy has signed in; None without one, or when it is not ours."""
    name_header = settings.dashboard_proxy_user_header
    if not name_header or not is_trusted(remote, settings.proxy_addresses):
        return None
    names = headers.getall(name_header, [])
    groups_header = settings.dashboard_proxy_groups_header
    groups = headers.getall(groups_header, []) if groups_header else []
    if len(names) != 1 or len(groups) > 1:
        return None  # one of two may be a stranger's, passed on
    return ProvedUser.of(names[0], "".join(groups).replace(";", ",").split(","))


def is_trusted(remote: str | None, networks: tuple[str, ...]) -> bool:
    """Whether the other end of a connection is one of the proxies."""
    try:
        address = ip_address((remote or "").partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address in ip_network(network) for network in networks)
