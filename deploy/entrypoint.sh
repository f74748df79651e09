#!/bin/bash
# In the image: `internode service NAME` runs one service with the settings in /settings, anything else is the command.
if [ "$1" = service ]; then
  export INTERNODE_SETTINGS=${INTERNODE_SETTINGS:-/settings/settings.json}
  set -- "/app/services/$2/src/main.ts"
else
  set -- /app/replica/src/main.ts "$@"
fi
cores=$(nproc)
# What V8 takes: replica/src/apart/process-unit.ts.
exec node --disable-warning=ExperimentalWarning --min-semi-space-size=16 --max-semi-space-size=16 --initial-heap-size=64 \
  --heap-growing-percent=70 --v8-pool-size=$((cores < 4 ? cores : 4)) "$@"
