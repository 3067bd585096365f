#!/usr/bin/env bash
# A stand-in for wrangler in the tests of npm run deploy: sends the test its arguments and its standard input, and ends with
# the output and status from the test. A Node.js process for each command would take most of the time of these tests.
secret=
if [[ "$1 $2" == 'secret put' ]]; then IFS= read -r -d '' secret; fi
exec 3<>"/dev/tcp/127.0.0.1/$WRANGLER_PORT" || exit 70
printf '%s\0' "$#" "$@" "$secret" >&3
IFS= read -r -d '' status <&3 || exit 70
IFS= read -r -d '' printed <&3
IFS= read -r -d '' complaint <&3
printf '%s' "$printed"
printf '%s' "$complaint" >&2
exit "$status"
