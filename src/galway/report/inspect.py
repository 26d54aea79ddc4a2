"""What is in an image and how two differ, laid out for 80 columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table
from rich.text import Text

from galway.filesystem import shown
from galway.report import sbom, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rich.console import RenderableType

    from galway.bom import Bom
    from galway.inspection import Comparison, FileChange, Inspection

_SHORT = "org.opencontainers.image."
_SIGNS = {"added": "[green]+[/]", "removed": "[red]-[/]", "changed": "[yellow]~[/]"}


def size(count: int) -> str:
    """Bytes in the unit that shows them: B, kB or MB, of 1000."""
    if abs(count) < 1000:
        return f"{count} B"
    if abs(count) < 100_000:
        return f"{count / 1000:.1f} kB"
    return f"{count / 1_000_000:.1f} MB"


def inspection(seen: Inspection, packages: Bom | None, unknown: str, *, every: bool) -> Iterator[RenderableType]:
    """One image, section by section.

    Parameters
    ----------
    packages:
        None where they are not known, and `unknown` says why.
    every:
        Whether to list all packages.
    """
    yield f"[bold]{escape(seen.image)}[/] {seen.platform}"
    yield _pairs({"digest": seen.digest, "index": seen.index})  # by themselves, so that 80 columns hold them
    yield _pairs(
        {
            "platforms": ", ".join(seen.platforms),
            "size": f"{size(seen.compressed)} compressed, {size(seen.unpacked)} in files",
            "wasted": f"{size(seen.wasted)} ({seen.wasted / (seen.unpacked or 1):.1%} of the files' bytes)",
            "packages": _packages(packages) if packages else f"not known: {unknown}",
            **{name: value for name, value in seen.settings.items() if not name.startswith("env ")},
        }
    )
    variables = {name[4:]: value for name, value in seen.settings.items() if name.startswith("env ")}
    if variables:
        yield from _section("environment", _pairs(variables))
    yield from _section("labels", _pairs({name.removeprefix(_SHORT): text for name, text in seen.labels.items()}))
    own = {name.removeprefix(_SHORT): text for name, text in seen.annotations.items() if seen.labels.get(name) != text}
    same = len(seen.annotations) - len(own)
    more = f"annotations ({same} are the same as labels)" if same else "annotations"
    yield from _section(more, _pairs(own))
    yield from _section("layers", _layers(seen))
    yield from _section(f"largest of {seen.files} files", _largest(seen))
    if seen.waste:
        yield from _section("wasted: in a layer, but replaced or deleted by a later one", _waste(seen))
    if every and packages:
        yield from _section("packages", _listed(packages))


def parts(sizes: Sequence[Mapping[str, Any]]) -> Iterator[RenderableType]:
    """The size of each part, as the build record has it."""
    made = table("part", "compressed", "bytes", numbers=("compressed", "bytes"))
    for part in sizes:
        made.add_row(escape(part["name"]), size(part["compressed"]), size(part["unpacked"]))
    if sizes:
        yield from _section("parts (shares of layers by compressed size)", made)


def comparison(found: Comparison, old: str, new: str, *, top: int) -> Iterator[RenderableType]:
    """What changed from one image to another; of the files only the largest changes.

    Parameters
    ----------
    old, new:
        What to call the two.
    top:
        How many files to name.
    """
    yield f"from [bold]{escape(old)}[/] to [bold]{escape(new)}[/]"
    yield _pairs({"old": found.old, "new": found.new})
    yield _pairs(
        {
            "compressed": f"{size(found.compressed[0])} → {size(found.compressed[1])}",
            "in files": f"{size(found.unpacked[0])} → {size(found.unpacked[1])}",
            "shared": f"the lowest {found.shared} layers",
        }
    )
    if found.settings:
        made = table("setting", "old", "new")
        for setting in found.settings:
            made.add_row(escape(setting.name.replace(_SHORT, "")), escape(setting.old), escape(setting.new))
        yield from _section("settings", made)
    if found.packages is None:
        yield "packages: not known of both"
    elif found.packages:
        yield from _section(f"packages: {sbom.summary(found.packages)}", sbom.difference(found.packages))
    else:
        yield f"packages: {sbom.summary(found.packages)}"
    if found.files:
        yield from _section(f"files: {_counted(found)}", _files(found.files[:top]))
        if len(found.files) > top:
            yield f"… and {len(found.files) - top} more: --top {len(found.files)} or --json"
    else:
        yield "files: the same"


def _section(title: str, body: RenderableType) -> Iterator[RenderableType]:
    yield f"\n[bold]{title}[/]"
    if not isinstance(body, Table) or body.row_count:
        yield body


def _pairs(rows: Mapping[str, str]) -> Table:
    made = Table.grid(padding=(0, 2))
    made.add_column(style="dim", no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in rows.items():
        made.add_row(escape(name), escape(value))
    return made


def _packages(packages: Bom) -> str:
    counts = ", ".join(f"{count} {kind}" for kind, count in packages.counts.items())
    return f"{counts or 'none'} ({packages.system or 'no known system'})"


def _layers(seen: Inspection) -> Table:
    figures = ("#", "compressed", "files", "bytes", "wasted")
    made = table(*figures, "made by", numbers=figures)
    for number, layer in enumerate(seen.layers):
        made.add_row(
            str(number),
            size(layer.compressed),
            str(layer.files),
            size(layer.unpacked),
            size(layer.wasted) if layer.wasted else "",
            Text(shown(layer.instruction), no_wrap=True, overflow="ellipsis"),  # cut first, before any figure
        )
    return made


def _largest(seen: Inspection) -> Table:
    made = table("size", "layer", "path", numbers=("size", "layer"))
    for file in seen.largest:
        made.add_row(size(file.size), str(file.layer), escape(shown(file.path)))
    return made


def _waste(seen: Inspection) -> Table:
    made = table("size", "layer", "by", "", "path", numbers=("size", "layer", "by"))
    for one in seen.waste:
        word = "deleted" if one.deleted else "replaced"
        made.add_row(size(one.size), str(one.layer), str(one.by), word, escape(shown(one.path)))
    return made


def _listed(packages: Bom) -> Table:
    made = table("kind", "name", "version")
    for package in packages.packages:
        made.add_row(package.kind, escape(package.name), escape(package.version))
    return made


def _counted(found: Comparison) -> str:
    kinds = [file.change for file in found.files]
    return ", ".join(f"{kinds.count(kind)} {kind}" for kind in ("added", "removed", "changed"))


def _files(files: tuple[FileChange, ...]) -> Table:
    made = table("", "old", "new", "path", numbers=("old", "new"))
    for file in files:
        old, new = (size(count) if count else "" for count in (file.old, file.new))
        detail = f" [dim]({escape(shown(file.detail))})[/]" if file.change == "changed" else ""
        made.add_row(_SIGNS[file.change], old, new, escape(shown(file.path)) + detail)
    return made
