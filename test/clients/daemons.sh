#!/usr/bin/env bash
# Runs an incusd and an lxd with all their state in FOLDER until standard input ends, and then removes every trace of them.
# Standard input is a pipe from the test run: it ends with that run, however the run ends. Containers, mounts and
# daemons would outlive it otherwise.
# usage: daemons.sh FOLDER
set -u
folder=$1
export INCUS_DIR=$folder/incus LXD_DIR=$folder/lxd HOME=$folder
mkdir -p -m 711 "$INCUS_DIR" "$LXD_DIR"

/usr/libexec/incus/incusd --group root </dev/null >"$folder/incus.log" 2>&1 &
incus=$!
/usr/bin/lxd --group root </dev/null >"$folder/lxd.log" 2>&1 &
lxd=$!
# Only the end of the run counts from here on; the daemons keep the signals they started with.
trap '' INT TERM HUP

while read -r _; do :; done

for client in incus lxc; do
  timeout 60 "$client" list --format csv --columns n 2>/dev/null |
    while read -r name; do timeout 60 "$client" delete --force "$name" >/dev/null 2>&1; done
done

kill -TERM "$incus" "$lxd" 2>/dev/null
for ((waited = 0; waited < 100; waited++)); do
  kill -0 "$incus" 2>/dev/null || kill -0 "$lxd" 2>/dev/null || break
  sleep 0.2
done
kill -KILL "$incus" "$lxd" 2>/dev/null
wait

# What a test that was still running launched meanwhile: the process that watches a container names its folder.
grep --null --files-with-matches --fixed-strings "[lxc monitor] $folder/" /proc/[0-9]*/cmdline 2>/dev/null |
  while IFS= read -r -d '' found; do
    monitor=${found//[^0-9]/}
    # Most often it is about to end by itself, and gone by now.
    { read -r init _ <"/proc/$monitor/task/$monitor/children" && kill -KILL "$init"; } 2>/dev/null
  done

# Both leave small file systems mounted below their folder.
awk -v below="$folder/" 'index($5, below) == 1 { print $5 }' /proc/self/mountinfo | sort -r |
  while read -r mount; do umount --lazy "$mount"; done
# Never through a mount that stayed: what is behind it is not ours.
if ! awk -v below="$folder/" 'index($5, below) == 1 { found = 1 } END { exit !found }' /proc/self/mountinfo; then
  [[ -n "${HEADWATER_KEEP:-}" ]] || rm -rf --one-file-system "$folder"
fi
