"""How well the scanner's rules find what they should, and how much else they report."""
