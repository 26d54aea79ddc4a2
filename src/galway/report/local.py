"""What `inv up` started: where each service is, and what its end means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape

from galway.report import table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from rich.table import Table

    from galway.compose import State


def services(states: Mapping[str, State], *, places: Mapping[str, Sequence[str]], results: Path, meaning: str) -> Table:
    """One row for each thing that can be visited or read.

    Parameters
    ----------
    places:
        Where each service answers; the scanner answers nowhere.
    results:
        The folder that the scanner writes to.
    meaning:
        What the scanner's exit code says.
    """
    made = table("service", "state", "where")
    for name, state in states.items():
        where = places.get(name) or (f"{results / 'summary.json'}", meaning)
        for number, place in enumerate(where):
            made.add_row(*((name, str(state)) if number == 0 else ("", "")), escape(place))
    return made


def values(
    states: Mapping[str, State], *, places: Mapping[str, Sequence[str]], results: Path, meaning: str
) -> dict[str, object]:
    """The same for programs."""
    services = {
        name: {"state": state.state, "health": state.health, "exit_code": state.exit_code, "where": places.get(name)}
        for name, state in states.items()
    }
    return {"services": services, "results": str(results), "scan": meaning}
