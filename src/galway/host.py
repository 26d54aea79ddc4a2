"""What the host's package managers are configured with, so that builds reach the same mirrors by the same CA."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

CA_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT")
CA_BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")


def ca_bundle(environment: Mapping[str, str] = os.environ) -> Path | None:
    """The CA bundle that the environment names, else the system's."""
    named = [environment[name] for name in CA_VARIABLES if environment.get(name)]
    return _first([*named, *CA_BUNDLES])


def pip_configuration(environment: Mapping[str, str] = os.environ) -> Path | None:
    """The pip configuration that holds here (pip's own order of places)."""
    home = Path.home()
    named = environment.get("PIP_CONFIG_FILE", "")
    return _first([named, str(home / ".config/pip/pip.conf"), str(home / ".pip/pip.conf"), "/etc/pip.conf"])


def cargo_configuration(environment: Mapping[str, str] = os.environ) -> Path | None:
    """The user's cargo configuration, which may name a mirror."""
    home = Path(environment.get("CARGO_HOME") or Path.home() / ".cargo")
    return _first([str(home / "config.toml"), str(home / "config")])


def _first(candidates: list[str]) -> Path | None:
    return next((Path(text) for text in candidates if text and Path(text).is_file()), None)
