"""The command line: one file per verb in `verbs/`, what they print in `render/`."""
