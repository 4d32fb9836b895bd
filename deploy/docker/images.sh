#!/usr/bin/env bash
# Build the images of all services, print their sizes, and push them if that is asked for.
#
#   deploy/docker/images.sh REGISTRY TAG [EXTRAS] [PUSH]
#
# EXTRAS (office) goes into the workers' images. PUSH, if it is not empty, pushes all of them.
set -euo pipefail
cd "$(dirname "$0")/../.."
registry=$1 tag=$2 extras=${3:-} push=${4:-}

build() { # name, service, more arguments
    local name=$1 service=$2
    shift 2
    echo "== building $registry/secretary-$name:$tag"
    docker build --quiet --file "services/$service/Dockerfile" "$@" \
        --tag "$registry/secretary-$name:$tag" . >/dev/null
}

build api api
build notifier notifier
build worker worker --target worker --build-arg "EXTRAS=$extras"
build worker-media worker --target worker-media --build-arg "EXTRAS=$extras"
# secretary-init runs in the worker's image, which has the job types.
docker tag "$registry/secretary-worker:$tag" "$registry/secretary-init:$tag"

for name in api notifier worker worker-media init; do
    image=$registry/secretary-$name:$tag
    size=$(docker image inspect --format '{{.Size}}' "$image")
    echo "$image $((size / 1000000)) MB"
    if [ -n "$push" ]; then docker push --quiet "$image"; fi
done
