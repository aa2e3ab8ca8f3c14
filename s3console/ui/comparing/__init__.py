"""What the Compare screen shows: the child that compares, prefixes, findings, and one finding in full."""
