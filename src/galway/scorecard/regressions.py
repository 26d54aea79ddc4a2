"""What got worse since an image was last released."""

from __future__ import annotations

from typing import TYPE_CHECKING

from galway import history
from galway.scorecard.model import Regression
from galway.scorecard.platforms import duration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from galway.facts import Facts
    from galway.history import Figures, Release
    from galway.layout import Manifest

SIZE, TIME, SECONDS = 1.02, 1.25, 10.0
"""Growth that is named: above 2 % of the size; above 25 % and 10 s of the build time, which varies from run to run."""


def compared(one: Facts, release: Release | None) -> str:
    """What an image is compared with, or why with nothing."""
    if release is None:
        return "the history knows no release: push a version tag (inv push --ref refs/tags/v…)"
    same = one.layout is not None and str(one.layout.digest) == release.digest
    return _name(release) + (", which is this very image" if same else "")


def find(one: Facts, release: Release | None) -> Iterator[Regression]:
    """Size, build time of the same kind, and vulnerabilities that were counted both times."""
    if release is None:
        return
    for manifest in one.manifests:
        before = release.platforms.get(manifest.platform.slug)
        if before is not None:
            for what, old, new in _worse(one, manifest, before):
                yield Regression(
                    image=one.image.name,
                    platform=str(manifest.platform),
                    what=what,
                    before=old,
                    now=new,
                    release=_name(release),
                )


def _worse(one: Facts, manifest: Manifest, before: Figures) -> Iterator[tuple[str, str, str]]:
    if before.compressed and manifest.size > before.compressed * SIZE:
        yield "size", f"{before.compressed / 1e6:.1f} MB", f"{manifest.size / 1e6:.1f} MB"
    built = one.record("build", manifest.platform)
    if built is not None and before.seconds and history.of_records([built]).is_cold == before.cold:
        slower = built.seconds > before.seconds * TIME and built.seconds - before.seconds > SECONDS
        if slower:
            kind = "cold" if before.cold else "with cache"
            yield f"build time, {kind}", duration(before.seconds), duration(built.seconds)
    scan = one.record("scan", manifest.platform)
    counts = history.counted(scan) if scan is not None else None
    if counts is not None:
        for what, old, new in zip(("critical", "high"), (before.critical, before.high), counts, strict=True):
            if old is not None and new > old:
                yield f"{what} vulnerabilities", str(old), str(new)


def _name(release: Release) -> str:
    return f"{release.version} at {release.registry} of {release.at[:10]}"
