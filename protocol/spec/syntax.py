"""What is wrong with a file before it is a document: not the format that it claims to be."""

from typing import Final

from orch_actors.protocol.errors import OrchError, Problem

#: A text with more problems than this is given up on.
MAX_SYNTAX_PROBLEMS: Final = 50


class SyntaxFault(OrchError):
    """A text cannot be read; `load.py` makes a refusal of it."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(str(problem) for problem in problems))
        self.problems = problems

    @classmethod
    def at(cls, message: str, line: int, column: int = 0) -> "SyntaxFault":
        """One problem at a line and column, both from 1, 0 where not known."""
        text = f"{message} (column {column})" if column else message
        return cls((Problem(where="", message=text, line=line),))
