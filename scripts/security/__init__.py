"""The program of the security-scanner image: scans a Python project offline, and says what it could not judge."""
