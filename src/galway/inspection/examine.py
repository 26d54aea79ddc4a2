"""Reads one platform of an image once, from its first layer to its last, and sums up what a person asks about."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

import msgspec

from galway.filesystem import Tree, walk

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from galway.filesystem import Entry, Filesystem
    from galway.layout import Layout, Manifest

_SHELL = re.compile(r"^(?:RUN )?(?:\|\d+ .*?)?/bin/(?:ba)?sh -e?c (?:#\(nop\) )?", re.DOTALL)


class LayerView(msgspec.Struct, frozen=True, kw_only=True):
    """One layer.

    Parameters
    ----------
    compressed:
        Bytes of the blob.
    unpacked:
        Bytes of its files, without the archive's own headers.
    files:
        How many.
    wasted:
        Bytes of its files that a later layer replaces or deletes.
    instruction:
        The Dockerfile's line that made it; empty where the history does not say.
    """

    digest: str
    compressed: int
    unpacked: int
    files: int
    wasted: int
    instruction: str


class LargeFile(msgspec.Struct, frozen=True, kw_only=True):
    """One visible file; `layer` counts from 0, the lowest."""

    path: str
    size: int
    layer: int


class Waste(msgspec.Struct, frozen=True, kw_only=True):
    """A file that everybody downloads and nobody sees.

    Parameters
    ----------
    layer, by:
        Numbers of the layer that holds it and of the one that hides it, from 0.
    deleted:
        Whether it was deleted; else it was replaced.
    """

    path: str
    size: int
    layer: int
    by: int
    deleted: bool


class FileState(msgspec.Struct, frozen=True, kw_only=True):
    """What a container sees at one path; `content` is the SHA-256 of a file's bytes."""

    kind: str
    size: int
    mode: int
    owner: str
    target: str
    content: str


class Inspection(msgspec.Struct, frozen=True, kw_only=True):
    """One platform of an image.

    Parameters
    ----------
    index:
        Digest of the whole image; `digest` is this platform's.
    platforms:
        All that the layout holds.
    settings:
        Of the image configuration, by name: user, ports, entrypoint and so on, as text.
    labels, annotations:
        Of the configuration; of the index and the manifest.
    largest:
        Visible files, largest first.
    waste:
        Hidden files, largest first.
    files:
        How many a container sees.
    states:
        Everything that a container sees, by path; only where asked for, since that needs each file's hash.
    """

    image: str
    platform: str
    index: str
    digest: str
    platforms: tuple[str, ...]
    settings: dict[str, str]
    labels: dict[str, str]
    annotations: dict[str, str]
    layers: tuple[LayerView, ...]
    largest: tuple[LargeFile, ...]
    waste: tuple[Waste, ...]
    files: int
    states: dict[str, FileState] = msgspec.field(default_factory=dict)

    @property
    def compressed(self) -> int:
        """Bytes that a pull transfers."""
        return sum(layer.compressed for layer in self.layers)

    @property
    def unpacked(self) -> int:
        """Bytes of all layers' files."""
        return sum(layer.unpacked for layer in self.layers)

    @property
    def wasted(self) -> int:
        """Bytes of files that nobody sees."""
        return sum(layer.wasted for layer in self.layers)


def examine(name: str, layout: Layout, manifest: Manifest, *, top: int = 10, states: bool = False) -> Inspection:
    """Look into one platform.

    Parameters
    ----------
    name:
        What to call the image.
    top:
        How many of the largest files, and of the worst wasted ones, to name.
    states:
        Whether to hash every file, which a comparison needs.

    Raises
    ------
    BuildError
        A layer is damaged.
    """
    tree = Tree(layout, manifest)
    placed: set[tuple[int, str]] = set()
    hashes: dict[tuple[int, str], str] = {}
    sizes, counts = [0] * len(manifest.layers), [0] * len(manifest.layers)
    for entry, chunks in walk(layout, manifest):
        tree.add(entry)
        if entry.kind in ("whiteout", "opaque"):
            continue
        placed.add((entry.layer, entry.path))
        if entry.kind == "file":
            sizes[entry.layer] += entry.stored
            counts[entry.layer] += 1
            if states:
                hashes[entry.layer, entry.path] = _hash(chunks)
    seen = tree.finish()
    files = [entry for entry in seen.entries.values() if entry.kind == "file"]
    largest = sorted(files, key=lambda entry: (-entry.size, entry.path))[:top]
    return Inspection(
        image=name,
        platform=str(manifest.platform),
        index=str(layout.digest),
        digest=str(manifest.digest),
        platforms=tuple(str(other.platform) for other in layout.manifests()),
        settings=settings(manifest.config),
        labels=dict(sorted((manifest.config.get("config", {}).get("Labels") or {}).items())),
        annotations=_annotations(layout, manifest),
        layers=tuple(
            LayerView(
                digest=str(layer.digest),
                compressed=layer.size,
                unpacked=sizes[number],
                files=counts[number],
                wasted=seen.wasted[number],
                instruction=plain(layer.instruction),
            )
            for number, layer in enumerate(manifest.layers)
        ),
        largest=tuple(LargeFile(path=f"/{entry.path}", size=entry.size, layer=entry.layer) for entry in largest),
        waste=tuple(_waste(seen, placed)[:top]),
        files=len(files),
        states={f"/{path}": _state(entry, hashes) for path, entry in seen.entries.items()} if states else {},
    )


def plain(instruction: str) -> str:
    """A history line as its Dockerfile has it, on one line: without the shell and arguments that BuildKit adds."""
    text = instruction.removesuffix("# buildkit").strip()
    match = _SHELL.match(text)
    if match:
        text = f"RUN {text[match.end() :]}"
    return " ".join(text.split())


CREATED = "org.opencontainers.image.created"
"""The commit's time; the configuration has the time of files."""


def settings(config: Mapping[str, Any]) -> dict[str, str]:
    """How an image runs and what it was made for, as text by name; what is not set is left out.

    The names are those of Dockerfile instructions, the values those of the OCI image configuration.
    """
    run = config.get("config", {})
    labels = run.get("Labels") or {}
    health = run.get("Healthcheck") or {}
    seconds = {word: health[key] // 10**9 for word, key in _HEALTH.items() if health.get(key)}
    found = {
        "created": str(labels.get(CREATED) or config.get("created") or ""),
        "user": run.get("User") or "",
        "workdir": run.get("WorkingDir") or "",
        "entrypoint": _words(run.get("Entrypoint")),
        "cmd": _words(run.get("Cmd")),
        "ports": ", ".join(sorted(run.get("ExposedPorts") or {})),
        "volumes": ", ".join(sorted(run.get("Volumes") or {})),
        "healthcheck": _words(health.get("Test")),
        "health times": ", ".join(f"{word} {value} s" for word, value in seconds.items()),
        "stop signal": run.get("StopSignal") or "",
    }
    variables = {f"env {name}": value for name, _, value in (text.partition("=") for text in run.get("Env") or ())}
    return {name: value for name, value in {**found, **variables}.items() if value}


_HEALTH = {"interval": "Interval", "timeout": "Timeout", "start": "StartPeriod"}


def _words(words: list[str] | None) -> str:
    return " ".join(word if word and " " not in word else repr(word) for word in words or ())


def _annotations(layout: Layout, manifest: Manifest) -> dict[str, str]:
    whole = layout.document(layout.digest).get("annotations") or {}
    own = layout.document(manifest.digest).get("annotations") or {}
    return dict(sorted({**whole, **own}.items()))


def _waste(seen: Filesystem, placed: set[tuple[int, str]]) -> list[Waste]:
    found = [
        Waste(
            path=f"/{hidden.entry.path}",
            size=hidden.entry.stored,
            layer=hidden.entry.layer,
            by=hidden.by,
            deleted=(hidden.by, hidden.entry.path) not in placed,
        )
        for hidden in seen.hidden
        if hidden.entry.kind == "file" and hidden.entry.stored
    ]
    return sorted(found, key=lambda waste: (-waste.size, waste.path))


def _state(entry: Entry, hashes: Mapping[tuple[int, str], str]) -> FileState:
    key = (entry.layer, entry.target if entry.kind == "hardlink" else entry.path)
    return FileState(
        kind=entry.kind,
        size=entry.size,
        mode=entry.mode,
        owner=f"{entry.uid}:{entry.gid}",
        target=entry.target,
        content=hashes.get(key, ""),
    )


def _hash(chunks: Iterator[bytes]) -> str:
    state = hashlib.sha256()
    for chunk in chunks:
        state.update(chunk)
    return state.hexdigest()
