"""What a run leaves: one module per report, each a pure function of the outcome."""
