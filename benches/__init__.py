"""Measures this project's builds beside those of the specification's own Dockerfiles: `scripts/bench`."""
