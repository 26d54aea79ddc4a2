"""Families of weaknesses: numbers by which different engines mean the same flaw."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from security.model import Finding

FAMILIES: dict[str, frozenset[int]] = {
    "command": frozenset({77, 78, 88}),
    "sql": frozenset({89, 564, 943}),
    "markup": frozenset({79, 80, 83, 116, 1336}),
    "path": frozenset({22, 23, 24, 36, 59, 73, 434}),
    "code": frozenset({94, 95, 96, 470}),
    "deserialization": frozenset({502, 915}),
    "xml": frozenset({611, 776, 827, 20}),
    "crypto": frozenset({310, 326, 327, 328, 759, 760, 780, 916}),
    "randomness": frozenset({330, 335, 336, 337, 338, 340}),
    "secret": frozenset({259, 321, 522, 798}),
    "certificate": frozenset({295, 297, 299}),
    "cleartext": frozenset({311, 312, 319}),
    "temporary": frozenset({377, 378, 379}),
    "permission": frozenset({276, 277, 732}),
    "cookie": frozenset({614, 1004, 1275}),
}
"""Members are siblings or parents and children in the CWE's own tree (its Research view), or numbers that engines use
for one and the same pattern (bandit files XML parsing under CWE-20)."""

BY_NUMBER = {number: name for name, numbers in FAMILIES.items() for number in numbers}


def family(found: Finding) -> str:
    """A dependency's is its advisory; a number outside of all families stands for itself, a rule without one too."""
    if found.subject:
        return found.rule
    for number in found.cwe:
        return BY_NUMBER.get(number, f"cwe-{number}")
    return found.rule
