"""Signatures and signed provenance by Cosign: whom we trust, and asking a registry for what they signed."""

from galway.signing.cosign import Cosign, registry_environment
from galway.signing.trust import FILE, generate, identity, pair, unlock

__all__ = ["FILE", "Cosign", "generate", "identity", "pair", "registry_environment", "unlock"]
