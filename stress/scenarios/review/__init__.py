"""Written by one agent, tested by a command, judged by another agent; and a judge that nobody can use."""
