// Attacks the peer ports of real replicas: `node services/p2p/fuzz/replicas.ts --seconds 600`. Starts a network of four, kills the
// member with the lowest id and takes its place with its key, as a member that has turned. Signed updates at a fixed rate go to another
// member all the time, first in peace, then under attack; said are their latencies, the replicas' processor time, and what their memory
// grew to. With --each N every kind of attack has N seconds of its own, without other load: what each costs the replicas.
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { setPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { principalToText } from '@internode/encoding';
import { fromHex, toHex } from '@internode/prelude';
import { type Identity, identityOfSecret, pause, until } from '../test/live.ts';
import { ACTS } from './attack.ts';
import type { Orders } from './attacker.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '120' },
    rate: { type: 'string', default: '10' },
    seed: { type: 'string', default: '1' },
    peace: { type: 'string' },
    each: { type: 'string' },
  },
});
const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const READY_MS = 60_000;
const SETTLE_MS = 5_000;
/** Of /proc: `getconf CLK_TCK` is 100 on every Linux that Node runs on. */
const TICK_MS = 10;
/** A real attacker computes on machines of its own: ours only gets what the replicas leave of this one. */
const ATTACKER_NICE = 19;

interface Replica {
  readonly nodeId: string;
  readonly gatewayUrl: string;
  readonly pid: number;
  readonly dataDir: string;
}

function run(...args: readonly string[]): ChildProcess {
  return spawn(process.execPath, [...process.execArgv, ...args], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

async function textOf(child: ChildProcess): Promise<string> {
  let text = '';
  for await (const chunk of child.stdout ?? []) text += String(chunk);
  return text;
}

function read(...path: readonly string[]): Record<string, string> {
  return JSON.parse(readFileSync(join(...path), 'utf8'));
}

function memoryMiB(pid: number): number {
  const [, kib] = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kib ?? 0) / 1024;
}

function cpuMs(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return sum + (Number(fields[11]) + Number(fields[12])) * TICK_MS;
  }, 0);
}

/** What is said of it, and the processor time of these meanwhile. */
async function metered(pids: readonly number[], run: () => Promise<string>): Promise<string> {
  const [atMs, before] = [performance.now(), cpuMs(pids)];
  const said = await run();
  const share = (cpuMs(pids) - before) / (performance.now() - atMs);
  return `${said.trim()}\nprocessor time of the replicas: ${(100 * share).toFixed(0)} % of a core`;
}

/** Updates for so long; what the load generator says. */
async function load(url: string, seconds: number): Promise<string> {
  const args = ['--url', url, '--rate', values.rate, '--seconds', String(seconds)];
  return textOf(run('loadtest/load.ts', ...args));
}

async function attacked(orders: Orders): Promise<string> {
  const child = fork(fileURLToPath(new URL('./attacker.ts', import.meta.url)), {
    execArgv: process.execArgv,
  });
  if (child.pid !== undefined) setPriority(child.pid, ATTACKER_NICE);
  child.send(orders);
  const [said] = (await once(child, 'message')) as [string];
  return said;
}

async function main(folder: string): Promise<void> {
  const config = join(folder, 'network.config.json');
  const network = run(
    'replica/src/main.ts',
    'network',
    '--replicas',
    '4',
    '--port',
    '0',
    '--data-dir',
    folder,
    '--config-out',
    config,
    '--quiet',
  );
  try {
    await until(() => existsSync(config), READY_MS);
    const { replicas } = JSON.parse(readFileSync(config, 'utf8')) as {
      replicas: readonly Replica[];
    };
    const members = replicas
      .map((replica) => {
        const identity: Identity = identityOfSecret(
          fromHex(read(replica.dataDir, 'node.json')['node'] ?? ''),
        );
        const address = read(replica.dataDir, 'peers.json')['listen'] ?? '';
        return { replica, identity, address };
      })
      .sort((a, b) => (toHex(a.identity.nodeId) < toHex(b.identity.nodeId) ? -1 : 1));
    const [evil, victim, ...others] = members;
    if (evil === undefined || victim === undefined) throw new Error('no network');
    process.kill(evil.replica.pid, 'SIGKILL');
    console.log(`${principalToText(evil.identity.nodeId)} has turned`);
    await pause(SETTLE_MS);
    const seconds = Number(values.seconds);
    const pids = [victim, ...others].map(({ replica }) => replica.pid);
    const { gatewayUrl } = victim.replica;
    const orders: Orders = {
      secret: toHex(evil.identity.secret),
      targets: [victim, ...others].map(({ identity, address }) => ({
        publicKey: toHex(identity.publicKey),
        address,
      })),
      seed: Number(values.seed),
      seconds,
    };
    if (values.each !== undefined)
      return await eachAct(pids, { ...orders, seconds: Number(values.each) });
    const quiet = Number(values.peace ?? seconds / 4);
    const peace = () => metered(pids, () => load(gatewayUrl, quiet));
    console.log(`in peace, ${quiet} s:\n${await peace()}`);
    const before = pids.map(memoryMiB);
    const attacking = attacked(orders);
    const under = await metered(pids, () => load(gatewayUrl, seconds));
    console.log(`under attack, ${seconds} s:\n${under}`);
    console.log(await attacking);
    const after = pids.map(memoryMiB);
    console.log(
      `memory at most, MiB: ${before.map((mib, index) => `${mib.toFixed(0)} → ${after[index]?.toFixed(0)}`).join(', ')}`,
    );
    console.log(`in peace again, ${quiet} s:\n${await peace()}`);
  } finally {
    network.kill('SIGINT');
    await new Promise((resolve) => network.once('exit', resolve));
  }
}

async function eachAct(pids: readonly number[], orders: Orders): Promise<void> {
  const idle = async (): Promise<string> => {
    await pause(orders.seconds * 1_000);
    return 'nothing';
  };
  console.log(await metered(pids, idle));
  for (const act of ACTS) console.log(await metered(pids, () => attacked({ ...orders, act })));
}

const folder = mkdtempSync(join(tmpdir(), 'internode-fuzz-'));
try {
  await main(folder);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
