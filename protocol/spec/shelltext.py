"""How a place in a text for `sh -c` is quoted, so that something may be put there.

Pure. A reader of the shell's quoting and of nothing else: it knows quotes, backslashes, substitutions, comments and
here documents, not commands. It is made to be sure rather than complete: wherever shells differ, or a construct would
need the whole grammar, it says so, and from there on nothing may be put in. Nobody loses by that: a value can always be
handed in by a variable (`env`), which the shell expands itself.

What a place is:
    bare      outside quotes, also in `$(…)` within double quotes
    double    in double quotes
    single    in single quotes
Refused: comments, here documents, backquotes, `${…}`, `$((…))` (whose values shells may take for code), what a
backslash precedes; and all that follows `$'…'`, `case` in parentheses, or another reason to be `_Lost`.
"""

import re
from collections.abc import Callable, Sequence
from typing import Final, Literal, NamedTuple

Quoting = Literal["bare", "double", "single"]

#: (start, end) of a place in a text.
Span = tuple[int, int]


class Place(NamedTuple):
    """What was found out about a place."""

    #: None: nothing can be put there.
    quoting: Quoting | None
    #: Why not, for people.
    fault: str = ""


_WORD_ENDS: Final = frozenset(" \t\n;&|()<>")
_BACKQUOTED: Final = re.compile(r"`(?:\\.|[^`\\])*`", re.DOTALL)
_DELIMITER: Final = re.compile(r"<<(-?)[ \t]*((?:[^\s;&|<>()'\"\\`$]|\\[^\n]|'[^'\\\n]*'|\"[^\"\\`$\n]*\")+)")
#: What is nothing special within a word, and within double quotes.
_IN_WORD: Final = re.compile(r"[^\s\\'\"`$();&|<>]*")
_IN_DOUBLE: Final = re.compile(r"[^\\\"`$\n]*")
_CASE: Final = re.compile(r"case[ \t\n]")


def quoted(text: str, quoting: Quoting) -> str:
    """The text as it must stand in a place, to be that very text to the shell; where bare, always one word."""
    if quoting == "double":
        return re.sub(r'([\\$`"])', r"\\\1", text)
    inner = text.replace("'", "'\\''")
    return inner if quoting == "single" else f"'{inner}'"


def expansion(name: str, quoting: Quoting) -> str:
    """What stands for a variable's value in a place; where bare, one word. The shell never reads the value as code."""
    return {"bare": f'"${{{name}}}"', "double": f"${{{name}}}", "single": f"'\"${{{name}}}\"'"}[quoting]


def places(text: str, spans: Sequence[Span]) -> list[Place]:
    """How each of the spans is quoted; they are in order, apart from each other, and are not themselves read."""
    return _Scan(text, spans).run()


class _Lost(Exception):
    """From here on it cannot be told how a place is quoted; the text says why."""


#: What is open: the text, `$(…)`, `(…)`, or double quotes.
_Frame = Literal["top", "substitution", "parentheses", "double"]

_INTRICATE: Final = "stands behind {}, after which it cannot be told how it is quoted"


class _Scan:
    """One pass over a text."""

    def __init__(self, text: str, spans: Sequence[Span]) -> None:
        self._text = text
        self._spans = spans
        self._found: list[Place] = []
        self._at = 0
        self._frames: list[_Frame] = ["top"]
        #: Nothing of the present word has been read yet.
        self._fresh = True
        #: Here documents whose bodies begin with the next line: delimiter, and whether tabs before it are dropped.
        self._heredocs: list[tuple[str, bool, bool]] = []

    def run(self) -> list[Place]:
        """See places."""
        try:
            while self._at < len(self._text) and len(self._found) < len(self._spans):
                if self._at_span():
                    self._take(Place("double" if self._frames[-1] == "double" else "bare"))
                    self._fresh = False
                elif self._frames[-1] == "double":
                    self._double()
                else:
                    self._bare()
        except _Lost as lost:
            self._take_until(len(self._text), Place(None, str(lost)))
        return self._found

    def _at_span(self) -> bool:
        return len(self._found) < len(self._spans) and self._spans[len(self._found)][0] == self._at

    def _take(self, place: Place) -> None:
        self._at = self._spans[len(self._found)][1]
        self._found.append(place)

    def _take_until(self, end: int, place: Place) -> None:
        """Go there; every span on the way is that kind of place."""
        while len(self._found) < len(self._spans) and self._spans[len(self._found)][0] < end:
            self._take(place)
        self._at = max(self._at, end)

    def _bare(self) -> None:
        character = self._text[self._at]
        fresh, self._fresh = self._fresh, character in _WORD_ENDS
        match character:
            case "\\":
                self._fresh = fresh and self._text.startswith("\\\n", self._at)
                self._backslash()
            case "'":
                end = self._text.find("'", self._at + 1)
                self._quotes_over_lines(self._at, end)
                self._take_until(len(self._text) if end < 0 else end, Place("single"))
                self._at += 1
            case '"':
                self._frames.append("double")
                self._at += 1
            case "`":
                self._backquotes()
            case "$":
                self._dollar()
            case "(":
                self._frames.append("parentheses")
                self._at += 1
            case ")":
                self._close()
            case "#" if fresh:
                end = self._text.find("\n", self._at)
                self._take_until(
                    len(self._text) if end < 0 else end, Place(None, "stands in a comment of the shell: take it out")
                )
            case "<" if self._text.startswith("<<", self._at):
                self._operator()
            case "\n":
                self._at += 1
                self._bodies()
            case "c" if fresh and len(self._frames) > 1 and _CASE.match(self._text, self._at):
                raise _Lost(_INTRICATE.format("`case` in parentheses"))
            case _:
                self._skip(_IN_WORD)

    def _skip(self, what: re.Pattern[str]) -> None:
        """Over one character, and over all that is nothing special, up to the next span."""
        match = what.match(self._text, self._at, self._spans[len(self._found)][0])
        self._at = max(self._at + 1, match.end() if match is not None else 0)

    def _close(self) -> None:
        if self._frames[-1] == "substitution":
            if self._heredocs:
                raise _Lost(_INTRICATE.format("$(…) that ends before its here document"))
            self._frames.pop()
            self._fresh = False
        elif self._frames[-1] == "parentheses":
            self._frames.pop()
        self._at += 1

    def _double(self) -> None:
        match self._text[self._at]:
            case '"':
                self._frames.pop()
                self._at += 1
            case "\\":
                self._backslash()
            case "`":
                self._backquotes()
            case "$":
                self._dollar()
            case "\n":
                self._quotes_over_lines(self._at, self._at + 1)
                self._at += 1
            case _:
                self._skip(_IN_DOUBLE)

    def _quotes_over_lines(self, start: int, end: int) -> None:
        """Shells differ in where a here document begins whose line goes on in quotes."""
        if self._heredocs and "\n" in self._text[start : end if end >= 0 else None]:
            raise _Lost(_INTRICATE.format("`<<` in a line that goes on in quotes or braces"))

    def _backslash(self) -> None:
        self._at += 1
        if self._at_span():
            self._take(Place(None, "stands behind a backslash: write $${ where you mean a literal ${"))
        else:
            self._at += 1

    def _backquotes(self) -> None:
        whole = _BACKQUOTED.match(self._text, self._at)
        if whole is None:
            raise _Lost(_INTRICATE.format("a backquote without its fellow"))
        self._quotes_over_lines(self._at, whole.end())
        self._take_until(whole.end(), Place(None, "stands in backquotes: use $(…) in their place"))

    def _dollar(self) -> None:
        text, at = self._text, self._at
        if text.startswith("$((", at):
            fault = "stands in $((…)), where a shell may take a value for code: work it out before"
            self._take_until(self._balanced(at + 1, "(", ")", double=True), Place(None, fault))
        elif text.startswith("$(", at):
            self._frames.append("substitution")
            self._fresh = True
            self._at += 2
        elif text.startswith("${tasks.", at):  # ours: text, for all that the shell will see of it
            self._at += len("${tasks.")
        elif text.startswith("${", at):
            self._take_until(
                self._balanced(at + 1, "{", "}"), Place(None, "stands in ${…}: the shell takes no value there")
            )
        elif text.startswith("$'", at) and self._frames[-1] != "double":
            raise _Lost(_INTRICATE.format("$'…', which shells read differently"))
        else:
            self._at += 1

    def _balanced(self, start: int, opening: str, closing: str, *, double: bool = False) -> int:
        """Where what opens at `start` is closed again, if nothing in it needs more than counting."""
        what = "$((…))" if double else "${…}"
        depth = 0
        for at in range(start, len(self._text)):
            character = self._text[at]
            if character == opening and (double or self._text[at - 1] == "$"):
                depth += 1
            elif character == closing:
                depth -= 1
                if depth == 1 and double and not self._text.startswith(closing, at + 1):
                    break  # not what it seemed to be: `$( (…) … )`
                if depth == 0:
                    self._quotes_over_lines(start, at)
                    return at + 1
            elif character in "'\"\\`{" or (character == "$" and self._text.startswith("$(", at)):
                break
        raise _Lost(_INTRICATE.format(f"an intricate {what}"))

    def _operator(self) -> None:
        """`<<` and what follows it."""
        if self._text.startswith("<<<", self._at):
            self._at += 3
            return
        match = _DELIMITER.match(self._text, self._at)
        after = match.end() if match is not None else 0
        if (
            match is None
            or not self._ends_word(after)
            or any(match.start() < start < after for start, _ in self._spans)
        ):
            raise _Lost(_INTRICATE.format("`<<` with an intricate end mark"))
        word = match[2]
        plain = re.sub(r"\\(.)|['\"]", r"\1", word)
        self._heredocs.append((plain, match[1] == "-", plain != word))
        self._at = after

    def _ends_word(self, at: int) -> bool:
        return at == len(self._text) or self._text[at] in _WORD_ENDS

    def _bodies(self) -> None:
        """The here documents that begin with this line."""
        place = Place(None, "stands in a here document: use a variable of `env` there")
        while self._heredocs:
            delimiter, tabs, literal = self._heredocs.pop(0)
            while self._at < len(self._text):
                end = self._text.find("\n", self._at)
                line = self._text[self._at : end if end >= 0 else None]
                self._take_until(len(self._text) if end < 0 else end + 1, place)
                if (line.lstrip("\t") if tabs else line) == delimiter:
                    break
                if not literal and line.endswith("\\"):
                    raise _Lost(_INTRICATE.format("a here document with a backslash at the end of a line"))


#: Makes the text that stands for the span with this number, in a place of this kind.
Replacement = Callable[[int, Place], str]


def replaced(text: str, spans: Sequence[Span], replacement: Replacement) -> str:
    """The text with each of the spans replaced according to its place."""
    parts: list[str] = []
    before = 0
    for number, ((start, end), place) in enumerate(zip(spans, places(text, spans), strict=True)):
        parts += (text[before:start], replacement(number, place))
        before = end
    return "".join([*parts, text[before:]])
