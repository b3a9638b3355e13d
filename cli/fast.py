"""The fast path: plain argument lists of the hottest verbs, read without typer (which costs 30 ms to import).

It reads a subset of what typer reads and means the same by it; whatever it does not know for certain (an unknown
option, a value that begins with a dash, anything given twice, help) it declines, and typer decides. A property test
holds the two together: for any argument list, either this declines or both give the same Submission.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from orch_actors.cli.submission import Submission

#: Option → field of Submission.
_FLAGS: Final = {"--json": "as_json", "--no-start": "no_start", "--dry-run": "dry_run"}
_VALUES: Final = {
    "--home": "home",
    "--key": "key",
    "--name": "name",
    "--timeout": "timeout",
    "--retry": "retry",
    "--cwd": "cwd",
}
_LISTS: Final = {"--param": "param", "--env": "env"}
_SHARED: Final = ("--json", "--home")


def try_fast(words: list[str]) -> int | None:
    """Run the verb if it is one that is read here; None: let typer do it."""
    if len(words) < 3 and set(words) & {"version", "--version"} and set(words) <= {"version", "--version", "--json"}:
        from orch_actors.cli.about import tell_version

        return tell_version(as_json="--json" in words, look="version" in words)
    if "submit" not in words[:4]:
        return None
    submission = read_submission(words)
    if submission is None:
        return None
    from orch_actors.cli.submission import submit

    return submit(submission)


def read_submission(words: list[str]) -> "Submission | None":
    """The submission that `words` ask for, or None where it is not plain."""
    own, behind = words, None
    if "--" in words:
        cut = words.index("--")
        own, behind = words[:cut], tuple(words[cut + 1 :])
    fields: dict[str, object] = {"words": behind}
    rest = iter(own)
    seen_verb = False
    for word in rest:
        if word == "submit" and not seen_verb:
            seen_verb = True
        elif not word.startswith("-") or word == "-":
            if not seen_verb or not word or "file" in fields:
                return None
            fields["file"] = word
        elif (not seen_verb and word.partition("=")[0] not in _SHARED) or not _take_option(word, rest, fields):
            return None
    return _built(fields) if seen_verb else None


def _take_option(word: str, rest: Iterator[str], fields: dict[str, object]) -> bool:
    """Read one option into `fields`; False: it is not plain."""
    if word in _FLAGS:
        fields[_FLAGS[word]] = True
        return True
    option, equals, value = word.partition("=")
    if not equals:
        value = next(rest, "")
        if value.startswith("-"):
            return False
    if not value:
        return False
    if option in _LISTS:
        field = _LISTS[option]
        before = fields.get(field, ())
        fields[field] = (*before, value) if isinstance(before, tuple) else (value,)
        return True
    if option not in _VALUES or _VALUES[option] in fields:
        return False
    fields[_VALUES[option]] = value
    return True


def _built(fields: dict[str, object]) -> "Submission | None":
    retry = fields.get("retry")
    if retry is not None:
        if not isinstance(retry, str) or not (retry.isascii() and retry.isdecimal() and len(retry) < 5):
            return None
        fields["retry"] = int(retry)
    from orch_actors.cli.submission import Submission

    return Submission(**fields)  # type: ignore[arg-type]  # each field was read above, as its type
