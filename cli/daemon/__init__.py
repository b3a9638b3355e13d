"""The daemon from outside: is it there, start it, wait for it, replace it, and the programs of its side."""
