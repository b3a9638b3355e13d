"""From views to text: pure functions, no clock, no terminal, no client; so each has golden tests."""
