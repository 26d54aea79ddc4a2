"""`python3 -m security`: the image's entrypoint, also from a source checkout (with scripts/ on the path)."""

import sys

from security.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
