"""How the state comes back: lines of the journal, folding them, and the snapshot that stands for older ones."""
