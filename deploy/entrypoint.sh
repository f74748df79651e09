#!/bin/bash
# In the image: `internode service NAME` runs one service with the settings in /settings, anything else is the command.
if [ "$1" = service ]; then
  export INTERNODE_SETTINGS=${INTERNODE_SETTINGS:-/settings/settings.json}
  set -- "/app/services/$2/src/main.ts"
else
  set -- /app/replica/src/main.ts "$@"
fi
exec node --disable-warning=ExperimentalWarning --max-semi-space-size=16 --heap-growing-percent=40 "$@"
