#!/usr/bin/env bash
# In the place of wrangler, for the tests of npm run deploy: tells the test its words and a secret from its standard
# input, and ends as the test says. A process of Node.js for each command would take most of the time of these tests.
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
