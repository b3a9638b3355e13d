"""Power cuts, damage and the safety that stands against them: the journal on a disk that is as bad as a disk may be."""
