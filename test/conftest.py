"""What all tests share: helper modules in `support`, imported by their bare names (`import layouts`)."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "support"))
