"""EventStream sells festival tickets."""
