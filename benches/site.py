"""Base images for Dockerfiles that know nothing of the site: what `inv build` gives as secrets lies in them instead.

The specification's Dockerfiles name the official images and read no secrets. To build them word for word, each base is
the one that our own plan uses, with one more layer: the host's CA bundle, the package managers' configuration, and the
archive of a stand-in. That layer is not counted.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from galway import bases, host
from galway.archive import Mirror

if TYPE_CHECKING:
    from pathlib import Path

    from galway.bases import Base

FOLDER = "/etc/galway-bench"
MARK = "COPY galway-bench-site/"
"""By which the layer is known in an image's history."""

_BUNDLE = f"{FOLDER}/ca.crt"
_CA = ("SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "CARGO_HTTP_CAINFO")


def target(base: Base, context: Path) -> dict[str, Any]:
    """The bake target of a base with the site's settings.

    Parameters
    ----------
    context:
        An empty folder, which is filled.
    """
    environment = fill(base, context / "galway-bench-site")
    lines = ["FROM base", f"{MARK} /", *(f"ENV {name}={value}" for name, value in environment.items())]
    reference = f"oci-layout://{base.layout}@{base.digest}" if base.layout else f"docker-image://{base.reference}"
    return {
        "context": str(context),
        "contexts": {"base": reference},
        "dockerfile-inline": "\n".join(lines) + "\n",
        "output": ["type=cacheonly"],
        "attest": ["type=provenance,disabled=true"],
    }


def fill(base: Base, folder: Path) -> dict[str, str]:
    """Write the files of the layer; the variables that go with them."""
    environment: dict[str, str] = {}
    inside = folder / FOLDER.lstrip("/")
    (inside / "apt").mkdir(parents=True)
    settings = []
    if (bundle := host.ca_bundle()) is not None:
        shutil.copyfile(bundle, folder / _BUNDLE.lstrip("/"))
        environment |= dict.fromkeys(_CA, _BUNDLE)
        settings.append(f'Acquire::https::CaInfo "{_BUNDLE}";\n')
    if base.kind == bases.STAND_IN:  # an official base carries sources of its own
        (inside / "apt/site.sources").write_text(Mirror.of_host().sources(base.suite, keyring=None), encoding="utf-8")
        settings.append(f'Dir::Etc::SourceList "/dev/null";\nDir::Etc::SourceParts "{FOLDER}/apt";\n')
        # Debian 12 lets pip install nothing beside its packages (PEP 668); the official bases know no such rule.
        environment["PIP_BREAK_SYSTEM_PACKAGES"] = "1"
    _write(folder / "etc/apt/apt.conf.d/99galway-bench", "".join(settings))
    if (pip := host.pip_configuration()) is not None:
        _write(folder / "etc/pip.conf", pip.read_text(encoding="utf-8"))
    if (cargo := host.cargo_configuration()) is not None and base.argument == "RUST_BASE":
        _write(folder / "usr/local/cargo/config.toml", cargo.read_text(encoding="utf-8"))
    return environment


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
