"""The clients' door: ZeroMQ, who is let in, what is taken, what goes out and how much of it. Bounded everywhere."""
