"""What dockerd does to the firewall, and taking exactly that away again: pure functions on `iptables-save` text."""

from __future__ import annotations

import ipaddress
import json
import re
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

_OURS = re.compile(
    r"^(?::|-A )DOCKER(?:-\S+)? | -j DOCKER(?:-\S+)?(?= |$)| -[io] (?:docker0|br-[0-9a-f]{12})(?= |$)", re.ASCII
)
"""Chains and bridges that dockerd names; its MASQUERADE rules name the bridge as the one they are not for."""

_ENDS = re.compile(r"-[sd] (\d+\.\d+\.\d+\.\d+/\d+)(?= |$)")
"""A rule's source and destination."""

Subnet = ipaddress.IPv4Network

Tables = dict[str, list[str]]
"""`iptables-save` text by table: policy lines (`:CHAIN POLICY`) and rules (`-A …`), counters removed."""


def parse(text: str) -> Tables:
    """Split `iptables-save` output into its tables."""
    tables: Tables = {}
    lines: list[str] = []
    for line in text.splitlines():
        if line.startswith("*"):
            lines = tables.setdefault(line[1:], [])
        elif line.startswith((":", "-")):
            lines.append(re.sub(r" \[\d+:\d+\]$", "", line))
    return tables


def subnets(routes: str, links: Container[str]) -> tuple[Subnet, ...]:
    """The networks behind some links, from /proc/net/route: address and mask are little-endian hexadecimal there."""
    rows = [line.split() for line in routes.splitlines()[1:]]
    ends = [(_address(row[1]), _address(row[7])) for row in rows if row[0] in links]
    return tuple(ipaddress.IPv4Network(f"{address}/{mask}") for address, mask in ends)


def cleaned(before: Tables, now: Tables, ours: Iterable[Subnet] = ()) -> Tables:
    """What each table has to look like after the engine.

    A table in which another Docker had rules comes back as it was. Any other loses the lines that are dockerd's and
    gets its built-in chains' policies back; what somebody else added meanwhile stays.

    Parameters
    ----------
    before, now:
        The tables before the start and now.
    ours:
        The networks of the engine's bridges: a published port's rule names nothing but its container's address.

    Returns
    -------
    Tables
        Every table that has to change, with its lines; no lines means that the table has to go.
    """
    nets = tuple(ours)
    wanted = {name: _table(before.get(name, []), lines, nets) for name, lines in now.items()}
    for name, lines in wanted.items():
        if name not in before and not any(_matters(line) for line in lines):
            wanted[name] = []
    return {name: lines for name, lines in wanted.items() if lines != now[name]}


def restore_input(tables: Tables) -> str:
    """Standard input for `iptables-restore`, which swaps each table in one step."""
    return "".join(
        f"*{name}\n"
        + "".join(f"{line} [0:0]\n" if line.startswith(":") else f"{line}\n" for line in lines)
        + "COMMIT\n"
        for name, lines in tables.items()
        if lines
    )


def parse_chains(text: str) -> list[str]:
    """Read `nft -j list chains`: `TABLE CHAIN` of each chain that the kernel calls by itself."""
    try:
        found = json.loads(text)["nftables"]
    except (ValueError, KeyError):
        return []
    chains = [entry["chain"] for entry in found if "chain" in entry]
    return [f"{chain['table']} {chain['name']}" for chain in chains if "hook" in chain]


def idle(before: Container[str], now: Iterable[str], tables: Tables) -> list[str]:
    """The built-in chains that were not there before and do nothing: `iptables-restore` makes all of a table's.

    Parameters
    ----------
    before, now:
        `TABLE CHAIN` of the chains (see `parse_chains`).
    tables:
        The tables now; one that iptables does not know is somebody else's.
    """
    found = []
    for place in now:
        table, chain = place.split(" ", 1)
        lines = tables.get(table, [])
        if place not in before and f":{chain} ACCEPT" in lines and not any(x.startswith(f"-A {chain} ") for x in lines):
            found.append(place)
    return found


def _table(before: list[str], now: list[str], nets: tuple[Subnet, ...]) -> list[str]:
    if any(_OURS.search(line) for line in before):
        return before
    policies = {line.split()[0]: line for line in before if line.startswith(":")}
    kept = [line for line in now if line in before or not _is_ours(line, nets)]
    return [_policy(line, policies) if line.startswith(":") else line for line in kept]


def _is_ours(line: str, nets: tuple[Subnet, ...]) -> bool:
    ends = [ipaddress.IPv4Network(end, strict=False) for end in _ENDS.findall(line)]
    return bool(_OURS.search(line)) or any(end.subnet_of(net) for end in ends for net in nets)


def _address(text: str) -> ipaddress.IPv4Address:
    return ipaddress.IPv4Address(struct.pack("<I", int(text, 16)))


def _policy(line: str, policies: dict[str, str]) -> str:
    """The chain as it was declared; a built-in chain of a table that was not there accepts, its policy by default."""
    chain, policy = line.split()[:2]
    return policies.get(chain, line if policy == "-" else f"{chain} ACCEPT")


def _matters(line: str) -> bool:
    return not (line.startswith(":") and line.endswith(" ACCEPT"))
