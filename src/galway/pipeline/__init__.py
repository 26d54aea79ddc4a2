"""All of it in one go: build, test, SBOM, scan, push, sign, verify."""

from galway.pipeline.outcome import Cell, Outcome, State
from galway.pipeline.rehearsal import commands
from galway.pipeline.run import STAGES, Pipeline, Wish

__all__ = ["STAGES", "Cell", "Outcome", "Pipeline", "State", "Wish", "commands"]
