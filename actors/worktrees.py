"""Git worktrees of tasks: where they are, what their branches are called, and all that is ever asked of git.

Pure. Here are names, and two programs for sh; who runs them is the worker host (host/branching.py) and, for what is
forgotten, the archivist. Nothing else in the project talks to git.

Theory of operation. A task with `worktree: true` has a folder `<home>/worktrees/<journal>/<graph>/<task>` and a branch
`orch/<journal>/<graph>/<task>`, of the repository that its `cwd` is in. Both follow from its id, so that a retry, the
next host and the next daemon find them, and nothing of it is journalled. The journal's last digits are in the branch,
too: a wiped home begins with g1 again, and another home may work in the same repository.

MAKE makes it beside its place (`<task>=new`, no id has a `=`) and moves it there, so what is at its place is whole:
however often somebody is killed in the middle, the next one begins again, and no task has run in what is thrown away.
What is there is taken as it is, whatever the task before has left in it. A branch that is there is gone on with.

CLEAR removes what nobody can miss: a worktree without changes (files that git ignores are none), whose last commit is
also on another branch or tag. It leaves the final word to git (`worktree remove` without --force, `update-ref -d` with
the commit that was looked at), and says what it has kept, and why. A branch that the task made itself is not touched.

Rejected: worktrees beside the repository (its folder may be watched, backed up, or full of somebody else's); a library
for git (the program knows its own repositories best); `git clone --shared` (a branch in it is in nobody's sight).
"""

import os
from typing import Final, NamedTuple

#: Ends of names that git takes for no part of a branch's name.
_NO_ENDS: Final = (".", ".lock")

#: Exit codes of MAKE → what was wrong and what to do, with the folder in it. Above 40, so that none is git's or sh's.
FAULTS: Final = {
    41: "`worktree` needs the program git, which is not on the task's PATH: install it, or leave `worktree` out",
    42: "`worktree` needs a git repository, and {cwd} is in none: `git init` there and commit, or leave `worktree` out",
    43: "`worktree` needs a commit to begin with, and the repository of {cwd} has none: commit first",
    44: "the worktree cannot be made",
    45: "what is at the worktree's place is none of this repository's: move it away, or see `git worktree repair`",
}

#: $1 the task's folder, $2 the worktree's place, $3 its branch. What went wrong is the last line of its stderr.
MAKE: Final = """\
cd "$1" || exit 44
command -v git >/dev/null || exit 41
top=$(git rev-parse --show-toplevel) || exit 42
git rev-parse --verify --quiet 'HEAD^{commit}' >/dev/null || exit 43
if [ -e "$2" ]; then
  git -C "$2" rev-parse --verify --quiet HEAD >/dev/null || exit 45
  git -C "$top" worktree repair "$2" >/dev/null 2>&1
  exit 0
fi
mkdir -p "${2%/*}" || exit 44
new="$2=new"
if [ -e "$new" ]; then
  git -C "$top" worktree remove --force --force "$new" >/dev/null 2>&1 || rm -rf "$new" || exit 44
fi
if git show-ref --verify --quiet "refs/heads/$3"; then
  git -C "$top" worktree add --quiet --force --force "$new" "$3" || exit 44
else
  git -C "$top" worktree add --quiet --force --force --no-track -b "$3" "$new" HEAD || exit 44
fi
git -C "$top" worktree move "$new" "$2" || exit 44
"""

#: $1 the folder of a graph's worktrees, $2 what their branches begin with. A line on stdout for each that is kept.
CLEAR: Final = """\
keep() { printf '%s is kept: %s\\n' "$path" "$1"; }
for path in "$1"/*; do
  [ -e "$path/.git" ] || continue
  if ! head=$(git -C "$path" rev-parse --verify --quiet HEAD); then keep 'its repository is not there'; continue; fi
  main=$(cd "$path" && cd "$(git rev-parse --git-common-dir)" && pwd -P) || continue
  case $path in *=new)
    git --git-dir="$main" worktree remove --force --force "$path" >/dev/null 2>&1; continue ;;
  esac
  branch=$2/${path##*/}
  if ! changes=$(git -C "$path" status --porcelain) || [ -n "$changes" ]; then
    keep 'it has changes that are not committed'; continue
  fi
  for file in MERGE_HEAD CHERRY_PICK_HEAD REVERT_HEAD rebase-merge rebase-apply BISECT_LOG; do
    [ ! -e "$(cd "$path" && git rev-parse --git-path "$file")" ] || { keep 'something is half done in it'; continue 2; }
  done
  alone=$(git -C "$path" rev-list -n 1 "$head" --not --exclude="$branch" --branches --remotes --tags) || continue
  if [ -n "$alone" ]; then keep "its commits are on no other branch: merge $branch"; continue; fi
  if ! said=$(cd / && git --git-dir="$main" worktree remove "$path" 2>&1); then keep "$said"; continue; fi
  tip=$(git --git-dir="$main" rev-parse --verify --quiet "refs/heads/$branch") || continue
  alone=$(git --git-dir="$main" rev-list -n 1 "$tip" --not --exclude="$branch" --branches --remotes --tags) || continue
  [ -n "$alone" ] || git --git-dir="$main" update-ref -d "refs/heads/$branch" "$tip"
done
rmdir "$1" 2>/dev/null
exit 0
"""


class Worktree(NamedTuple):
    """A task's."""

    #: Absolute.
    path: str
    branch: str


NO_WORKTREE: Final = Worktree("", "")


def worktree_of(folder: str, task: str) -> Worktree:
    """Where a task's worktree is, and its branch. `folder`: where its graph's attempts have their files."""
    place, branches = worktrees_of(folder)
    name = f"{task}=" if task.endswith(_NO_ENDS) else task
    return Worktree(os.path.join(place, name), f"{branches}/{name}")


def worktrees_of(folder: str) -> Worktree:
    """The folder of a graph's worktrees, and what their branches begin with; by the folder of its attempts' files."""
    journals, graph = os.path.split(folder)
    attempts, journal = os.path.split(journals)
    place = os.path.join(os.path.dirname(attempts), "worktrees", journal, graph)
    return Worktree(place, f"orch/{journal[-6:]}/{graph}")


def folder_within(worktree: str, cwd: str) -> str:
    """The folder in a worktree that stands for one in its repository: the same way down from the top.

    Raises:
        LookupError: `cwd` is in no repository.
    """
    top = real = os.path.realpath(cwd)
    while not os.path.lexists(os.path.join(top, ".git")):
        if top == os.path.dirname(top):
            raise LookupError(cwd)
        top = os.path.dirname(top)
    return os.path.normpath(os.path.join(worktree, os.path.relpath(real, top)))
