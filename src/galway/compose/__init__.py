"""The services of docker-compose.yml on this machine: started, waited for, shown, taken down."""

from __future__ import annotations

from galway.compose.argv import FILE, SERVICES, Compose, places, ports, results, seconds, services
from galway.compose.pinned import pin
from galway.compose.run import down, look, up
from galway.compose.state import State

__all__ = [
    "FILE",
    "SERVICES",
    "Compose",
    "State",
    "down",
    "look",
    "pin",
    "places",
    "ports",
    "results",
    "seconds",
    "services",
    "up",
]
