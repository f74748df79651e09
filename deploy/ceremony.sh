#!/bin/bash
# The ceremony of `internode genesis` with all operators on one machine: the steps that docs/runbook.md has four people take.
# Arguments: each node's address. Keys of node N are in /nodes/N, what the operators send each other in /ceremony.
set -euo pipefail
cd /ceremony
if [ -e /nodes/0/keys.json ]; then
  echo "here is a replica of its own: docker compose down --volumes forgets it" >&2
  exit 1
fi
nodes=$(seq 0 $(($# - 1)))
addresses=("$@")
finished() { for node in $nodes; do [ -e "/nodes/$node/genesis.json" ] || return 1; done; }
if finished; then echo "the ceremony has taken place"; exit; fi
# Whatever fails from here on, no node becomes a replica of its own.
for node in $nodes; do touch "/nodes/$node/ceremony-begun"; done
each() { # a step of every operator, at the same time
  local running=()
  for node in $nodes; do "$1" "$node" & running+=($!); done
  for one in "${running[@]}"; do wait "$one"; done
}
genesis() { internode genesis "$@" >/dev/null; }
describe() { genesis node --data-dir "/nodes/$1" --address "${addresses[$1]}" --listen 0.0.0.0:4100 --out "node-$1.json"; }
deal() { genesis deal --data-dir "/nodes/$1" --record record.json --out "dealings-$1.json"; }
complain() { genesis complain --data-dir "/nodes/$1" --record record.json dealings-*.json --out "complaints-$1.json"; }
finish() { genesis finish --data-dir "/nodes/$1" --record record.json dealings-*.json complaints-*.json; }

each describe
genesis record node-*.json --ceremony-key ceremony-key.json --epoch-length "${EPOCH_LENGTH:-500}" --out record.json
each deal
each complain
each finish
echo "a subnet of $# nodes is founded; /ceremony/ceremony-key.json may change its members"
