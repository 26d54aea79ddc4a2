"""Which tags an image gets for a git ref, each with the rule that made it or the reason that forbids it; pure."""

from galway.tagging.model import DEFAULT_BRANCH, Candidate, Ref, Tagging, choose, default_branch
from galway.tagging.rules import RULES, decide, refusal

__all__ = ["DEFAULT_BRANCH", "RULES", "Candidate", "Ref", "Tagging", "choose", "decide", "default_branch", "refusal"]
