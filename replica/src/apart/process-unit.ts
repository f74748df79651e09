import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type AloneNews, SETTINGS_VARIABLE } from '@internode/host';
import { nodeFlags } from '../node-flags.ts';
import { Sayings, type ServiceName, stopOrKill, type Unit } from './unit.ts';

/** What lives while a call does must fit; six processes share what one has when embedded (scripts/run.mjs). */
const NODE_FLAGS = [...nodeFlags(16, 64), '--heap-growing-percent=70'];

/** Runs a service's main.ts with a file of settings. */
export function startProcess(service: ServiceName, settingsFile: string): Unit {
  const main = fileURLToPath(import.meta.resolve(`@internode/${service}/main`));
  const child = spawn(process.execPath, [...NODE_FLAGS, main], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    // Ctrl-C reaches the supervisor only, which stops services in their order.
    detached: true,
    env: { ...process.env, [SETTINGS_VARIABLE]: settingsFile },
  });
  const sayings = new Sayings();
  child.on('message', (news: AloneNews) => sayings.hear(news));
  const ended = new Promise<ReturnType<Sayings['endOf']>>((resolve) => {
    child.once('error', (fault) => resolve(sayings.endOf(fault.message, true)));
    child.once('exit', (code, signal) =>
      resolve(
        signal === null
          ? sayings.endOf(`status ${code}`, code !== 0)
          : sayings.endOf(`signal ${signal}`, false),
      ),
    );
  });
  return {
    running: sayings.running,
    ended,
    stop: () =>
      stopOrKill(ended, {
        ask: () => child.kill('SIGTERM'),
        kill: () => child.kill('SIGKILL'),
      }),
  };
}
