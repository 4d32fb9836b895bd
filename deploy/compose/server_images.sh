#!/usr/bin/env bash
# Print the settings of pinned.env that Compose needs, one on each line.
#
# An image that .env or the environment names counts more. An image that is neither here nor to be
# pulled is left out, so that docker-compose.yml's own choice counts: any image of the major version.
set -euo pipefail
cd "$(dirname "$0")/../.."

here() { docker image inspect "$1" >/dev/null 2>&1; }

while IFS== read -r variable image; do
    if [ -n "${!variable:-}" ] || grep -qs "^ *\(export \)\?$variable *=" .env; then continue; fi
    if here "$image" || timeout 60 docker pull --quiet "$image" >/dev/null 2>&1; then
        echo "$variable=$image"
    else
        echo "== $image cannot be pulled" >&2
    fi
done < <(grep -v '^#' deploy/compose/pinned.env)
