"""What we claim, for anyone to measure: `make bench`."""
