"""The daemon as a service of the user's own session: units, and who is asked to run them."""
