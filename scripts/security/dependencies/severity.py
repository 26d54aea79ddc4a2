"""How severe an advisory is: what its database says, else its CVSS 3 vector's base score."""

from __future__ import annotations

import math
from typing import Any

WORDS = {"CRITICAL": "critical", "HIGH": "high", "MODERATE": "medium", "MEDIUM": "medium", "LOW": "low"}
UNKNOWN = "high"
"""Most advisories of PyPI's own database say nothing of it; a flaw of unknown severity is not waved through."""

WEIGHTS = {
    "AV": {"N": 0.85, "A": 0.62, "L": 0.55, "P": 0.2},
    "AC": {"L": 0.77, "H": 0.44},
    "UI": {"N": 0.85, "R": 0.62},
    "C": {"H": 0.56, "L": 0.22, "N": 0.0},
    "I": {"H": 0.56, "L": 0.22, "N": 0.0},
    "A": {"H": 0.56, "L": 0.22, "N": 0.0},
}
PRIVILEGES = {"U": {"N": 0.85, "L": 0.62, "H": 0.27}, "C": {"N": 0.85, "L": 0.68, "H": 0.5}}


def of(advisory: dict[str, Any]) -> str:
    """One word, empty where the advisory does not say."""
    specific = advisory.get("database_specific")
    word = specific.get("severity") if isinstance(specific, dict) else None
    if isinstance(word, str) and word.upper() in WORDS:
        return WORDS[word.upper()]
    for entry in advisory.get("severity") or []:
        if isinstance(entry, dict) and str(entry.get("type", "")).startswith("CVSS_V3"):
            score = base_score(str(entry.get("score", "")))
            if score is not None:
                return band(score)
    return ""


def band(score: float) -> str:
    """The qualitative rating of the standard (section 5)."""
    return next(
        word for least, word in ((9.0, "critical"), (7.0, "high"), (4.0, "medium"), (0.0, "low")) if score >= least
    )


def base_score(vector: str) -> float | None:
    """CVSS 3.1 base score (section 7.1 of the standard); None where the vector is not one."""
    parts = dict(part.split(":", 1) for part in vector.split("/")[1:] if ":" in part)
    try:
        changed = parts["S"] == "C"
        weight = {name: WEIGHTS[name][parts[name]] for name in WEIGHTS}
        privileges = PRIVILEGES[parts["S"]][parts["PR"]]
    except KeyError:
        return None
    base = 1 - (1 - weight["C"]) * (1 - weight["I"]) * (1 - weight["A"])
    impact = 7.52 * (base - 0.029) - 3.25 * (base - 0.02) ** 15 if changed else 6.42 * base
    if impact <= 0:
        return 0.0
    total = impact + 8.22 * weight["AV"] * weight["AC"] * privileges * weight["UI"]
    return round_up(min(1.08 * total if changed else total, 10.0))


def round_up(value: float) -> float:
    """The standard's own rounding (appendix A), which does not trust binary fractions."""
    whole = round(value * 100_000)
    return whole / 100_000 if whole % 10_000 == 0 else (math.floor(whole / 10_000) + 1) / 10
