"""The `inv` tasks, one module per noun: each parses, calls one stage, prints its report and exits with its code.

Imports stand inside the tasks, so that `inv --list` and completion answer at once.
"""

IMAGE = "NAME of an image in docker/images.toml; repeat for several (default: all)."
PLATFORM = "arm64, amd64 or all; repeat or separate with commas (default: the host's)."
BUILDER = "A buildx builder to use instead of the engine's own: docker-container, kubernetes, remote."
JSON = "Print JSON for programs instead of tables for people."
DRY = "Print what would run, do nothing."
