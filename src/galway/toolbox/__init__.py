"""The pinned tools: where each one is, where it came from and how it was verified."""

from galway.toolbox.install import ensure, find, installed
from galway.toolbox.pins import ToolPin, catalog
from galway.toolbox.receipt import UNVERIFIED, Tool

__all__ = ["UNVERIFIED", "Tool", "ToolPin", "catalog", "ensure", "find", "installed"]
