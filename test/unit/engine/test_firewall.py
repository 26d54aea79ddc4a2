"""Taking dockerd's rules out of a firewall, on the captured rules of a host with rules of its own."""

from __future__ import annotations

import ipaddress
from pathlib import Path

from galway.engine import firewall

DATA = Path(__file__).parent / "data"
NOW = firewall.parse((DATA / "iptables-save.txt").read_text())
NETS = tuple(ipaddress.IPv4Network(net) for net in ("172.17.0.0/16", "172.18.0.0/16"))
BUILT_IN = [":INPUT ACCEPT", ":FORWARD ACCEPT", ":OUTPUT ACCEPT"]
OWN = ["-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT", "-A FORWARD -j MINE"]
COMMENT = '-A MINE -m comment --comment "about DOCKER, mine" -j RETURN'
LATER = "-A MINE -s 10.9.0.0/16 -j DROP"


def test_only_dockers_rules_go_and_an_emptied_new_table_goes_with_them() -> None:
    before = {"filter": [*BUILT_IN, ":MINE -", *OWN, COMMENT]}
    assert firewall.cleaned(before, NOW, NETS) == {"filter": [*before["filter"], LATER], "nat": []}


def test_without_the_networks_a_published_ports_rule_would_stay() -> None:
    assert any("172.17.0.2" in line for line in firewall.cleaned({}, NOW)["nat"])


def test_the_forward_policy_comes_back() -> None:
    now = {"filter": [":FORWARD DROP", "-A FORWARD -j DOCKER-USER", ":DOCKER-USER -"]}
    assert firewall.cleaned({"filter": [":FORWARD ACCEPT"]}, now) == {"filter": [":FORWARD ACCEPT"]}
    assert firewall.cleaned({"filter": [":FORWARD DROP"]}, now) == {"filter": [":FORWARD DROP"]}
    assert firewall.cleaned({}, now) == {"filter": []}


def test_a_table_with_another_dockers_rules_comes_back_as_it_was() -> None:
    before = {"nat": [":OUTPUT ACCEPT", ":DOCKER -", "-A DOCKER -i docker0 -j RETURN"]}
    now = {"nat": [":OUTPUT ACCEPT", ":DOCKER -"]}
    assert firewall.cleaned(before, now) == before


def test_an_untouched_table_is_left_alone() -> None:
    assert firewall.cleaned({"raw": [":OUTPUT ACCEPT"]}, {"raw": [":OUTPUT ACCEPT"]}) == {}


def test_iptables_restore_gets_whole_tables() -> None:
    tables = {"filter": [":INPUT ACCEPT", "-A INPUT -j ACCEPT"], "nat": []}
    assert firewall.restore_input(tables) == "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -j ACCEPT\nCOMMIT\n"


def test_only_idle_chains_that_were_not_there_go() -> None:
    now = firewall.parse_chains((DATA / "nft-chains.json").read_text())
    assert now == ["filter INPUT", "filter FORWARD", "filter OUTPUT", "mine c"]
    tables = {"filter": [":INPUT ACCEPT", ":FORWARD ACCEPT", ":OUTPUT ACCEPT", "-A FORWARD -j MINE"]}
    assert firewall.idle(["filter INPUT"], now, tables) == ["filter OUTPUT"]
    assert firewall.idle([], now, {"filter": [":OUTPUT DROP"]}) == [], "a policy that refuses does something"


def test_a_firewall_that_cannot_be_listed_has_no_chains() -> None:
    assert firewall.parse_chains("") == []


def test_networks_are_read_from_the_routes_of_the_links() -> None:
    assert firewall.subnets((DATA / "route.txt").read_text(), ["docker0"]) == (ipaddress.IPv4Network("172.17.0.0/16"),)
