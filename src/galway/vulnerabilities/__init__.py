"""Known vulnerabilities of images: the database, what Trivy finds with it, waivers, and the gate that decides."""
