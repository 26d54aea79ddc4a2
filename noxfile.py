"""The test sessions: `scripts/nox` runs all of them, `scripts/nox -s tests` one."""
