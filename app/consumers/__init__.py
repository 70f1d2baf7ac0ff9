"""One consumer group per store; each `to_<store>.py` is the list of what that store does with which message."""
