"""Fetches source distributions by way of the host's pip: its index, mirror, proxies and CA bundle, checked by hash.

`pip download` runs the setup program of every source distribution that it fetches, which old releases under test must
not get to do. So this uses pip's own finder and session and stops before that. It runs under the Python that has pip,
with nothing of this project on its path.

Usage: fetch.py FOLDER, with lines `name version sha256 file-name` on standard input.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from pip._internal.commands import create_command  # type: ignore[import-not-found]


def main() -> int:
    """Fetch what is not yet in the folder; 1 if something could not be had."""
    folder = Path(sys.argv[1])
    wanted = [line.split() for line in sys.stdin if line.strip()]
    missing = [entry for entry in wanted if not (folder / entry[3]).is_file()]
    if not missing:
        return 0
    command = create_command("download")
    options, _ = command.parse_args(["--quiet"])
    failed = 0
    with command.main_context():
        session = command._build_session(options)  # noqa: SLF001 - pip has no public API for this
        finder = command._build_package_finder(options, session, ignore_requires_python=True)  # noqa: SLF001
        for name, version, sha256, file in missing:
            links = [found.link for found in finder.find_all_candidates(name) if found.link.filename == file]
            problem = fetch(session, links[0].url_without_fragment, folder / file, sha256) if links else "not found"
            if problem:
                sys.stderr.write(f"{name} {version}: {problem}\n")
                failed = 1
    return failed


def fetch(session: object, url: str, target: Path, sha256: str) -> str:
    """Write the file if it is the pinned one; what is wrong otherwise."""
    answer = session.get(url, headers={"Accept-Encoding": "identity"})  # type: ignore[attr-defined]
    if answer.status_code != 200:
        return f"HTTP {answer.status_code}"
    found = hashlib.sha256(answer.content).hexdigest()
    if found != sha256:
        return f"expected sha256 {sha256}, found {found}"
    part = target.with_name(target.name + ".part")
    part.write_bytes(answer.content)
    part.replace(target)
    return ""


if __name__ == "__main__":
    sys.exit(main())
