"""Images over an air gap: packed with all that proves them into one file, and loaded from it only when it all holds.

Both ends prove an image as `inv verify` does, in a throw-away registry on loopback; a bundle that could not be loaded
is not written, and one that does not hold touches neither the site's registry nor its engine.
"""

from galway.airgap.loading import Loaded, Loading
from galway.airgap.packing import Bundle, Packing

__all__ = ["Bundle", "Loaded", "Loading", "Packing"]
