"""One module per binary: argv builders and parsers of what it prints; pure."""
