"""Galway: container images for coding-agent teams, built, tested, scanned, published, signed and verified."""
