#!/bin/sh
# What the shell tasks of this scenario do: step.sh VERB [ARGUMENT]. Each marks its beginning and its end, one line each,
# in $DIR/effects.log; the end of what is killed stays away.
set -eu
task=$ORCH_TASK
mark() { printf '%s/%s/%s %s\n' "$ORCH_GRAPH" "$task" "$ORCH_ATTEMPT_NUMBER" "$1" >> "$DIR/effects.log"; }

mark begin
case $1 in
    work) sleep "${2:-0.02}" ;;
    number) printf '%s\n' "$2" >> "$DIR/numbers" ;;
    add-one)
        last=$(cat "$DIR/deep" 2>/dev/null || echo 0)
        echo $((last + 1)) > "$DIR/deep"
        ;;
    same) [ "$2" = "$ODD" ] ;;
    fail)
        echo "fails on purpose with exit code $2" >&2
        mark end
        exit "$2"
        ;;
    succeed-at)
        echo x >> "$DIR/tries-$task"
        if [ "$(wc -l < "$DIR/tries-$task")" -lt "$2" ]; then
            mark end
            exit 9
        fi
        ;;
    mend)
        # The second attempt leaves what the first one should have left.
        if [ "$ORCH_ATTEMPT_NUMBER" -gt 1 ]; then
            echo done > "$DIR/mended"
            echo 'mended, at last'
        fi
        ;;
    deaf)
        trap '' TERM
        sleep "$2"
        ;;
    loud)
        # Lines of 64 characters, known on the other side.
        yes 'orch-actors orch-actors orch-actors orch-actors orch-actors abc' | head -c "$2"
        ;;
    *)
        echo "step.sh: no verb $1" >&2
        exit 64
        ;;
esac
mark end
