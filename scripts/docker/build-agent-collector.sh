#!/bin/bash
# Builds the collector's image for amd64 and arm64 into an OCI layout, with the project's own task.
#
# VERSION   the image's version (default: the catalog's, docker/images.toml)
# REGISTRY  the registry and owner in front of its name (default: the catalog's, ghcr.io/jpoley)
# Arguments are passed on, for instance --dry or --no-cache. Publishing is a step of its own: `scripts/inv push`.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
exec "$root/scripts/inv" build --image agent-updates-collector --platform all "$@"
