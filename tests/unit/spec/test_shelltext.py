"""Where a value may be put into text for sh, held against what a real sh makes of it."""

import shutil
import subprocess
import tempfile

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from orch_actors.protocol.spec.shelltext import Place, expansion, places, quoted, replaced

MARK = "@@"

#: Text around a mark → how the mark is quoted.
PLACES = [
    ("echo @@", "bare"),
    ("echo a@@b", "bare"),
    ('echo "@@"', "double"),
    ("echo '@@'", "single"),
    ("""echo '"' "'" @@ "'" '"' """, "bare"),
    ('echo \\" @@', "bare"),
    ('echo "\\"@@"', "double"),
    ("echo \\' @@", "bare"),
    ("echo '\\' @@", "bare"),
    ('echo "$(echo @@)"', "bare"),
    ('echo "$(echo "@@")"', "double"),
    ('echo "$(echo "$(echo @@)" x)@@"', "bare"),
    ("echo \"$(echo '@@')\"", "single"),
    ('x="a $(echo b) @@"', "double"),
    ("(echo @@)", "bare"),
    ("f() { echo @@; }; f", "bare"),
    ("echo $# @@", "bare"),
    ("echo a#b '@@'", "single"),
    ("echo $(echo a)#b '@@'", "single"),
    ("echo a \\\n#b '@@'", None),
    ("echo a\\\n#b '@@'", "single"),
    ("# don't\necho @@", "bare"),
    ("echo ${x} '@@'", "single"),
    ('echo "${x:-$HOME/${y}}" @@', "bare"),
    ('echo "$((1 + (2 * x)))@@"', "double"),
    ("case x in x) echo '@@';; esac", "single"),
    ("cat <<EOF\ndon't\nEOF\necho @@", "bare"),
    ("cat <<-'E F'\n\tdon't\n\tE F\necho @@", "bare"),
    ("cat <<A <<B\n'\nA\n\"\nB\necho @@", "bare"),
    ("x=$(cat <<E\n)'\nE\n)\necho @@", "bare"),
    ("echo `echo '` @@", "bare"),
    ("${tasks.a-@@.result}", "bare"),
    # refused
    ("true # @@", None),
    ("cat <<EOF\n@@\nEOF", None),
    ("cat <<'EOF'\n@@\nEOF", None),
    ("cat <<E\\\\OF\n@@", None),
    ("echo `echo @@`", None),
    ('echo "`echo @@`"', None),
    ("echo \\@@", None),
    ('echo "\\@@"', None),
    ("echo $((@@ + 1))", None),
    ("echo ${x:-@@}", None),
    # lost
    ("echo $'a\\'b' @@", None),
    ("x=$(case a in a) echo;; esac); echo @@", None),
    ("echo $((echo a) | cat) '@@'", None),
    ("echo ${x:-'}'} @@", None),
    ("echo ${x:-{} @@", None),
    ("cat <<$X\n@@", None),
    ("cat <<EOF 'a\nb' @@\nEOF\n", None),
    ("cat <<EOF\na\\\nEOF\necho @@", None),
    ("echo ` @@", None),
]


def spans_of(text: str) -> list[tuple[int, int]]:
    found, at = [], text.find(MARK)
    while at >= 0:
        found.append((at, at + len(MARK)))
        at = text.find(MARK, at + len(MARK))
    return found


@pytest.mark.parametrize(("text", "quoting"), PLACES)
def test_places(text: str, quoting: str | None) -> None:
    place = places(text, spans_of(text))[0]
    assert place.quoting == quoting
    assert bool(place.fault) == (quoting is None)


def test_all_places_are_told_in_order() -> None:
    text = "echo @@ '@@@@' # @@\n\"@@\" `@@` @@"
    assert [place.quoting for place in places(text, spans_of(text))] == [
        "bare", "single", "single", None, "double", None, "bare"
    ]  # fmt: skip


def test_a_place_that_cannot_be_told_spoils_what_follows_alone() -> None:
    text = "echo @@ $'' @@ '@@'"
    first, *rest = places(text, spans_of(text))
    assert first == Place("bare")
    assert all(place.quoting is None and "$'…'" in place.fault for place in rest)


# --- a real sh --------------------------------------------------------------------------------------------------

values = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12) | st.lists(
    st.sampled_from(
        ["'", '"', "`", "$", "\\", "\n", " ", "*", "~", "$(echo bad)", "${HOME}", "`echo bad`", ";", "&", "|", "#", "é",
         "\U0001f600", "-n", "!", "a", "\t", "\r", ">", "1", "=", "'\\''", '"$x"', "\x7f", "\x01"]
    ),
    max_size=6,
).map("".join)  # fmt: skip

#: Commands that print what stands at the marks as `value` and NUL, for every mark.
PRINTING = [
    "printf '%s\\0' @@",
    'printf "%s\\0" "@@"',
    "printf '%s\\0' '@@'",
    'printf "%s\\0" "$(printf %s @@ ; echo .)" "$(printf %s "@@"; echo .)" "$(printf %s \'@@\'; echo .)"',
    "# it's\nprintf '%s\\0' \\\n@@ \"@@\" '@@'",
    "x=@@; printf '%s\\0' \"$x\"; x='@@'; printf '%s\\0' \"$x\"; x=\"@@\"; printf '%s\\0' \"$x\"",
    "cat >/dev/null <<E\nit's $((1 + 1))\nE\n( printf '%s\\0' @@ )",
    "f() { printf '%s\\0' \"$@\"; }; f @@ '@@' \"@@\"",
    'printf "%s\\0" "${NONE}@@${NONE:-}"',
    "case @@ in '@@') printf '%s\\0' \"@@\";; esac",
]


#: The sh of this machine, and another one, if it is there.
SHELLS = [["sh", "-c"], *([["bash", "--posix", "-c"]] if shutil.which("bash") else [])]


def run(shell: list[str], text: str, **variables: str) -> list[str]:
    done = subprocess.run(
        [*shell, text],
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", **variables},
        capture_output=True,
        timeout=20,
        check=False,
        cwd=tempfile.gettempdir(),  # were a value not quoted, it might write a file
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    assert done.stdout.endswith(b"\0")
    return done.stdout.decode().removesuffix("\0").split("\0")


def printed(template: str, value: str) -> list[str]:
    """What `PRINTING` templates print, with the `.` that keeps `$(…)` from dropping line ends."""
    count = len(spans_of(template))
    if "echo ." in template:
        return [value + ".", value + ".", value + "."]
    return [value] * (1 if template.startswith("case") else count)


@pytest.mark.parametrize("template", PRINTING)
@given(value=values)
@example(value="")
@example(value="'\"`$(echo bad)\\\n${x} é")
@example(value="\\\\'\\\"")
@settings(max_examples=25, deadline=None)
def test_text_put_into_a_command_is_that_text(template: str, value: str) -> None:
    text = replaced(template, spans_of(template), lambda _, place: quoted(value, place.quoting or "bare"))
    assert all(run(shell, text) == printed(template, value) for shell in SHELLS)


@pytest.mark.parametrize("template", PRINTING)
@given(value=values)
@example(value="")
@example(value="'\"`$(echo bad)\\\n${x} é")
@settings(max_examples=25, deadline=None)
def test_a_variable_put_into_a_command_is_its_value(template: str, value: str) -> None:
    text = replaced(template, spans_of(template), lambda _, place: expansion("V", place.quoting or "bare"))
    assert all(run(shell, text, V=value) == printed(template, value) for shell in SHELLS)


# --- commands of any form -----------------------------------------------------------------------------------------

#: A word of a command, and what it is when all marks are replaced by the same value: parts, None for a value.
Word = tuple[str, list[str | None]]


def joined(parts: list[Word], before: str = "", after: str = "") -> Word:
    return before + "".join(text for text, _ in parts) + after, [piece for _, pieces in parts for piece in pieces]


marks: st.SearchStrategy[Word] = st.just((MARK, [None]))
letters = st.sampled_from([("a", ["a"]), ("x#y", ["x#y"]), ("-", ["-"])])
in_single = st.lists(
    marks
    | st.sampled_from([('"', ['"']), ("\\", ["\\"]), ("$(", ["$("]), ("`", ["`"]), ("\n", ["\n"]), (" #", [" #"])]),
    max_size=3,
).map(lambda parts: joined(parts, "'", "'"))
escaped = st.sampled_from([("\\\\", ["\\"]), ("\\'", ["'"]), ('\\"', ['"']), ("\\#", ["#"]), ("\\\n", [])])


def in_double(words: st.SearchStrategy[Word]) -> st.SearchStrategy[Word]:
    odd = st.sampled_from([("'", ["'"]), ('\\"', ['"']), ("\\$", ["$"]), ("#", ["#"]), (")", [")"]), ("<<E", ["<<E"])])
    more = st.sampled_from([("$((1 + (2)))", ["3"]), ("${NONE}", []), ("${NONE:-b}", ["b"])])
    inner = marks | odd | more | substitution(words)
    return st.lists(inner, max_size=3).map(lambda parts: joined(parts, '"', '"'))


def substitution(words: st.SearchStrategy[Word]) -> st.SearchStrategy[Word]:
    comment = st.sampled_from(["", "# it's\n", ": <<E\n' \" )\nE\n", "( : )\n", ": `echo \\'`; "])
    return (
        st.tuples(comment, words)
        .map(lambda two: joined([two[1]], f"$( {two[0]}printf '%s.' ", ")"))
        .map(lambda word: (word[0], [*word[1], "."]))
    )


words = st.recursive(
    st.lists(marks | letters | in_single | escaped, min_size=1, max_size=3).map(joined),
    lambda inner: st.lists(marks | in_single | in_double(inner), min_size=1, max_size=3).map(joined),
    max_leaves=6,
).map(lambda word: joined([("w", ["w"]), word]))
#: Lines that print nothing, and would mislead a careless reader.
ASIDES = [
    "# it's",
    ": <<'E O'\n' $(\nE O",
    ": <<-E <<F\n\t'\n\tE\n\"\nF",
    ": ${x#\\#}",
    "i=$((2 > 1))",
    "true && : $#",
    "(:)#'",
]
lines_ = st.sampled_from(ASIDES).map(lambda aside: (aside, None)) | words.map(lambda word: (word[0], word[1]))


@given(st.lists(lines_, min_size=1, max_size=4), values)
@settings(max_examples=60, deadline=None)
def test_commands_of_any_form(lines: list[tuple[str, list[str | None] | None]], value: str) -> None:
    text = (
        "\n".join(line if pieces is None else f"printf '%s\\0' {line}" for line, pieces in lines)
        + "\nprintf 'end\\0'\n"
    )
    spans = spans_of(text)
    if any(place.quoting is None for place in places(text, spans)):
        return
    expected = [
        "".join(value if piece is None else piece for piece in pieces) for _, pieces in lines if pieces is not None
    ]
    for shell in SHELLS:
        assert run(shell, replaced(text, spans, lambda _, p: quoted(value, p.quoting or "bare"))) == [*expected, "end"]
        assert run(shell, replaced(text, spans, lambda _, p: expansion("V", p.quoting or "bare")), V=value) == [
            *expected,
            "end",
        ]


# --- any text ----------------------------------------------------------------------------------------------------

pieces = st.lists(
    st.sampled_from(
        ["@@", "'", '"', "`", "$", "$(", ")", "(", "((", "))", "{", "}", "${", "\\", "\n", " ", "#", "<<", "<<-", "EOF",
         "a", "case ", "esac", "<<<", "$'", "$((", "x", ";", "\t", "é", "E'F'", "${tasks."]
    ),
    max_size=20,
).map("".join)  # fmt: skip


@given(pieces)
@settings(max_examples=500, deadline=None)
def test_any_text_is_read_to_its_end(text: str) -> None:
    spans = spans_of(text)
    assert len(places(text, spans)) == len(spans)
    assert replaced(text, spans, lambda _, __: MARK) == text


@given(pieces)
@example("echo '@@' $(echo \"@@\" @@)")
@settings(max_examples=300, deadline=None)
def test_where_a_place_is_told_no_text_breaks_the_command(text: str) -> None:
    """A command that sh can read without anything in its places can be read with anything in them."""
    spans = spans_of(text)
    if not spans or any(place.quoting is None for place in places(text, spans)):
        return
    empty, hostile = (
        replaced(text, spans, lambda _, place, value=value: quoted(value, place.quoting or "bare"))
        for value in ("", "'; \"; `exit 3`; $(exit 4); ) } # \\\nEOF\n")
    )
    for shell in SHELLS:
        # -n: read it, and do nothing.
        can_be_read = [
            subprocess.run(
                [shell[0], "-n", *shell[1:], command],
                capture_output=True,
                timeout=20,
                check=False,
                cwd=tempfile.gettempdir(),
            ).returncode
            for command in (empty, hostile)
        ]
        assert can_be_read[0] or not can_be_read[1]
