"""Secrets in an image: given ones anywhere in its layout (`canaries`), likely ones in its files (`Scan`)."""

from __future__ import annotations

from galway.checks.secrets.canaries import Search, canaries
from galway.checks.secrets.patterns import Scan, check

__all__ = ["Scan", "Search", "canaries", "check"]
