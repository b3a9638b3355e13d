"""The verbs, one module each; `app.py` loads the one that was typed. Each has `command`, a typer function."""
