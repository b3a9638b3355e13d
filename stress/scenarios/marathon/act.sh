#!/bin/sh
# What every task of a marathon runs: act.sh FIRST [SECOND...]. Its first attempt does the first act, its second the
# second, and so on; the last one is repeated. Acts are shell text that may use the words below. Each attempt marks its
# beginning and its end, one line each, in $DIR/effects.log; the end of what is killed stays away.
set -u
mark() { printf '%s/%s/%s %s\n' "$ORCH_GRAPH" "$ORCH_TASK" "$ORCH_ATTEMPT_NUMBER" "$1" >> "$DIR/effects.log"; }

leave() { # CODE: end
    mark end
    exit "$1"
}
hang() { # until somebody ends it
    exec sleep 600
}
deaf() { # the same, and TERM does not
    trap '' TERM
    exec sleep 600
}
lost() { # nobody will know how this ended: the shim that would tell is gone
    kill -9 "$PPID"
    exit 0
}
flood() { # print more than is allowed
    yes 'no end in sight' | head -c 400000
    exec sleep 600
}
result() { # JSON: hand it back
    printf '%s' "$1" > "$ORCH_RESULT"
}
given() { # TEXT: fail unless GIVEN is it
    [ "$GIVEN" = "$1" ] || leave 67
}
ask() { # QUESTION-IN-JSON: and leave
    printf '%s' "$1" > "$ORCH_QUESTION"
    leave 0
}
answered() { # CHOICE: fail unless the answer that came with this attempt is it
    grep -q "\"choice\" *: *\"$1\"" "$ORCH_ANSWER" || leave 66
}
let_go() { # wait until the client says so
    while [ ! -e "$DIR/go-$ORCH_GRAPH-$ORCH_TASK" ]; do sleep 0.02; done
}

mark begin
number=1
while [ "$number" -lt "$ORCH_ATTEMPT_NUMBER" ] && [ "$#" -gt 1 ]; do
    shift
    number=$((number + 1))
done
eval "$1"
leave 0
