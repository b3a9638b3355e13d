#!/bin/sh
# What every shell task of a campaign runs: act.sh SECONDS CODE..., or act.sh hang. The first attempt exits with the first
# code, the second with the second, and so on; the last one is repeated; `ask` instead of a code asks a question and exits
# with 0. A line in $EFFECTS marks the beginning, and one with the code the end; the end of what is killed stays away.
set -u
mark() { printf '%s/%s/%s %s\n' "$ORCH_GRAPH" "$ORCH_TASK" "$ORCH_ATTEMPT_NUMBER" "$1" >> "$EFFECTS"; }

mark begin
if [ "$1" = hang ]; then
    # One child that leaves the group, and one that stays: both must be gone when the attempt is.
    command -v setsid > /dev/null && setsid sleep 600 &
    sleep 600
    exit 1
fi
[ "$1" = 0.000 ] || sleep "$1"
shift
number=1
while [ "$number" -lt "$ORCH_ATTEMPT_NUMBER" ] && [ "$#" -gt 1 ]; do
    shift
    number=$((number + 1))
done
code=$1
if [ "$code" = ask ]; then
    printf '{"question": "Which way?", "options": ["left", "right"]}' > "$ORCH_QUESTION"
    code=0
fi
printf '{"attempt": %d}' "$ORCH_ATTEMPT_NUMBER" > "$ORCH_RESULT"
mark "end $code"
exit "$code"
