"""Frames that no client would send, and a look at what they do to a daemon."""
