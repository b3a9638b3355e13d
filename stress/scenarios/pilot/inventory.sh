#!/bin/sh
# What is in the folder $1, all of it but version control: counts and sizes as JSON, to $2/inventory.json and to the
# task's result. POSIX sh, find, ls, awk. `ls -q` shows a newline in a name as `?`, so one line is one entry; counting
# lines of find's own output would miscount such names.
set -eu
LC_ALL=C
export LC_ALL
folder=$1
out=$2
if [ ! -d "$folder" ] || [ ! -r "$folder" ]; then
    printf '%s is no folder that can be read: point the parameter folder at one\n' "$folder" >&2
    exit 2
fi
mkdir -p "$out"
cd "$folder"
# A folder without read permission, or a file that goes away meanwhile, is no failure of ours: find and ls say it on
# stderr, which stays in the log. (`ls` of names that begin with `-` is safe: find puts `./` before each.)
{ find . \( -name .git -o -name .hg -o -name .svn -o -name orch-actors-reports \) -prune \
    -o ! -name . -exec ls -dlnq {} + || true; } |
awk '
    { kind = substr($1, 1, 1) }
    kind == "-" { files++; bytes += $5; if ($5 == 0) empty++; if (substr($1, 4, 1) == "x") executable++ }
    kind == "d" { folders++ }
    kind == "l" { links++ }
    kind !~ /[-dl]/ { other++ }
    END {
        printf "{\"files\": %d, \"folders\": %d, \"links\": %d, \"other\": %d, ", files, folders, links, other
        printf "\"bytes\": %.0f, \"empty\": %d, \"executable\": %d}\n", bytes, empty, executable
    }
' > "$out/.inventory.$$"
mv "$out/.inventory.$$" "$out/inventory.json"
cat "$out/inventory.json"
[ -z "${ORCH_RESULT:-}" ] || cp "$out/inventory.json" "$ORCH_RESULT"
