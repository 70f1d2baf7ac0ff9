"""The real servers that the engines talk to elsewhere, on this machine and without containers."""
