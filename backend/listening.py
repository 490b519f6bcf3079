"""Whether others can connect to an address that is listened on."""

from __future__ import annotations

import ipaddress
import socket


def listens_on_loopback(host: str) -> bool:
    """Tell whether only this machine can connect to a name or address; empty means all addresses."""
    addresses = {info[4][0] for info in socket.getaddrinfo(host, None)} if host else {"0.0.0.0"}
    return all(ipaddress.ip_address(address).is_loopback for address in addresses)
