#!/usr/bin/env bash
# Print settings of Compose for a machine that reaches no registry, one on each line; mostly nothing.
#
# docker-compose.yml names the minor versions of MongoDB's and RabbitMQ's images. If such an image is
# neither here nor to be pulled, and an image of the same major version is here, print that one.
set -euo pipefail
cd "$(dirname "$0")/../.."

here() { docker image inspect "$1" >/dev/null 2>&1; }

for variable in SECRETARY_MONGO_IMAGE SECRETARY_RABBITMQ_IMAGE; do
    # The operator's own choice counts.
    if [ -n "${!variable:-}" ] || grep -qs "^ *\(export \)\?$variable *=" .env; then continue; fi
    image=$(sed -n "s/.*\${$variable:-\(.*\)}.*/\1/p" docker-compose.yml)
    major=$(sed 's/\(:[0-9]*\)\.[0-9]*/\1/' <<<"$image")
    if here "$image" || ! here "$major"; then continue; fi
    if timeout 60 docker pull --quiet "$image" >/dev/null 2>&1; then continue; fi
    echo "== $image cannot be pulled: using $major" >&2
    echo "$variable=$major"
done
