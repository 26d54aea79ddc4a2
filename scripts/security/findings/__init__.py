"""From what the engines say to what a run judges: merged, named, and marked new, existing or suppressed."""
