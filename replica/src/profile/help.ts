export const PROFILE_HELP = `internode profile: where a running replica, or one stage of it, spends its processor time

Usage: internode profile [SERVICE] [flags]

SERVICE is gateway, p2p, consensus, beacon, execution or state; without it all are profiled. Where services share a process
(start --placement embedded or threads) the stacks that lead through that service are shown, else all of its process.

Writes a flame graph (one HTML file) and a CPU profile of each thread (.cpuprofile, for DevTools, VS Code, speedscope).

Flags
  --seconds N          how long, 0.1 to 120                    (10)
  --data-dir DIR       whose replica                           (.internode)
  --out DIR            where the files go                      (here)
  --json               figures and names of files for scripts
  --help               this text

Try
  internode profile execution --seconds 10
  internode profile --data-dir .internode-network/replica-0
  docker compose exec state internode profile state --data-dir /data --out /data
`;
