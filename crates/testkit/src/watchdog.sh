# Reads what the test process starts and makes, line by line, and waits. The other end of the pipe closes when that
# process ends, by itself or by any signal. Then stops what it left running and removes what it left lying.
trap '' INT HUP TERM QUIT
awk '
    $1 == "started" { running[$2] = $3 }
    $1 == "ended"   { delete running[$2] }
    $1 == "made"    { made[substr($0, 6)] = 1 }
    END {
        for (pid in running) print "stop", pid, running[pid]
        for (folder in made) print "remove", folder
    }
' | {
    pids=
    folders=
    while read -r verb rest; do
        case $verb in
        stop)
            pid=${rest% *}
            kill -s CONT "$pid"
            kill -s "${rest#* }" "$pid"
            pids="$pids $pid"
            ;;
        remove) folders="$folders$rest
" ;;
        esac
    done
    tenths=0
    for pid in $pids; do
        while kill -0 "$pid" && [ "$tenths" -lt 30 ]; do
            sleep 0.1
            tenths=$((tenths + 1))
        done
        # And its group: a browser's helpers outlive it. Some shells understand this only with -s.
        kill -s KILL -- "-$pid"
        kill -s KILL "$pid"
    done
    printf %s "$folders" | while IFS= read -r folder; do
        rm -rf -- "$folder" || { sleep 1 && rm -rf -- "$folder"; }
    done
}
