"""Dependencies: collected from locks without running anything, judged against a snapshot of advisories."""
