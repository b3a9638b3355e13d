"""`completion`: a script that has a shell complete our verbs, options, and the ids of graphs, tasks and decisions."""

from typing import Annotated, Final

import typer

from orch_actors.cli.options import HomeOption, JsonOption
from orch_actors.cli.output import say, say_json

GROUP: Final = "Have a shell complete verbs, options, and ids of graphs, tasks and decisions."

EXAMPLES = """
eval "$(orch-actors completion bash)"                             in ~/.bashrc
eval "$(orch-actors completion zsh)"                              in ~/.zshrc, after compinit
orch-actors completion fish > ~/.config/fish/completions/orch-actors.fish
"""

BASH: Final = """\
_orch_actors() {
  local IFS=$'\\n'
  COMPREPLY=($(orch-actors completion words -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _orch_actors orch-actors"""

ZSH: Final = """\
_orch_actors() {
  local -a found
  found=(${(f)"$(orch-actors completion words -- "${(@)words[2,CURRENT]}" 2>/dev/null)"})
  (( $#found )) && compadd -- $found || _files
}
compdef _orch_actors orch-actors"""

FISH: Final = """\
function __orch_actors
  set -l found (orch-actors completion words -- (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null)
  if set -q found[1]
    printf '%s\\n' $found
  else
    __fish_complete_path (commandline -ct)
  end
end
complete -c orch-actors -f -a '(__orch_actors)'"""


def _tell(script: str, *, as_json: bool) -> int:
    if as_json:
        say_json({"script": script})
    else:
        say(script)
    return 0


def bash(home: HomeOption = None, as_json: JsonOption = False) -> int:
    """Print the script for bash."""
    del home
    return _tell(BASH, as_json=as_json)


def zsh(home: HomeOption = None, as_json: JsonOption = False) -> int:
    """Print the script for zsh."""
    del home
    return _tell(ZSH, as_json=as_json)


def fish(home: HomeOption = None, as_json: JsonOption = False) -> int:
    """Print the script for fish."""
    del home
    return _tell(FISH, as_json=as_json)


def words(
    typed: Annotated[list[str] | None, typer.Argument(metavar="WORD...", help="Behind --; the last is begun.")] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> int:
    """Print what may stand in the place of the last word, a line each; the scripts ask this."""
    from orch_actors.cli.completing import candidates
    from orch_actors.cli.escape import one_line

    del home
    found = candidates(list(typed or [""]))
    if as_json:
        say_json(found)
    elif found:
        say("\n".join(one_line(word) for word in found))
    return 0


MEMBERS: Final = {"bash": bash, "zsh": zsh, "fish": fish, "words": words}
