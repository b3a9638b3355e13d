"""From facts and state to what clients see: queries, events, `why`, events of the past. Reads only."""
