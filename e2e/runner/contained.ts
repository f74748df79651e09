// A replica of containers behind the words that tests have for one in processes (replica.ts): the command is `docker compose up`,
// and a data directory is a compose project, whose volumes stay when it stops.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { freePorts } from './ports.ts';
import type { ReplicaConfig, Started, StartOptions } from './replica.ts';
import { Stack } from './stack.ts';

/** Of all projects of tests. */
export const PROJECT_PREFIX = 'internode-e2e-';

export async function spawnContained(
  options: StartOptions & { readonly dataDir: string },
): Promise<Started & { ready(): Promise<ReplicaConfig> }> {
  const { dataDir } = options;
  const [free = 0] = await freePorts(1);
  const name = createHash('sha256').update(dataDir).digest('hex').slice(0, 8);
  const stack = new Stack({ project: PROJECT_PREFIX + name, ports: [options.port || free] });
  const child = spawn('docker', stack.args(['up', '--no-build', '--no-color']), {
    stdio: ['ignore', 'pipe', 'pipe'],
    // From outside of the containers nobody is on a loopback interface.
    env: { ...stack.environment, INTERNODE_DEBUG_TO: 'anyone', ...options.environment },
  });
  options.spawned?.(child);
  let output = '';
  child.stdout.on('data', (text) => (output += text));
  child.stderr.on('data', (text) => (output += text));
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  return {
    process: child,
    output: () => output,
    ready: async () => {
      const ended = gone.then(() => Promise.reject(new Error(`the stack ended:\n${output}`)));
      const config = await Promise.race([stack.ready(), ended]);
      return { ...config, dataDir, pid: child.pid ?? 0 };
    },
    stop: async () => {
      const startedAt = performance.now();
      await stack.compose(['stop', '--timeout', '10']);
      await gone;
      const tookMs = performance.now() - startedAt;
      await stack.down();
      return tookMs;
    },
    kill: async () => {
      await stack.killAll(0);
      await gone;
    },
  };
}
