// Attacks the peer ports of real replicas: `node services/p2p/fuzz/replicas.ts --seconds 600`. Starts a network of four, kills the
// member with the lowest id and takes its place with its key, as a member that has turned. Signed updates at a fixed rate go to another
// member all the time, first in peace, then under attack; said are their latencies and what the replicas' memory grew to.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { PeerAddress } from '@internode/contracts';
import { principalToText } from '@internode/encoding';
import { fromHex, toHex } from '@internode/prelude';
import { type Identity, identityOfSecret, pause, until } from '../test/live.ts';
import { Attack } from './attack.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '120' },
    rate: { type: 'string', default: '10' },
    seed: { type: 'string', default: '1' },
  },
});
const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const READY_MS = 60_000;
const SETTLE_MS = 5_000;

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

/** Updates for so long; what the load generator says. */
async function load(url: string, seconds: number): Promise<string> {
  const args = ['--url', url, '--rate', values.rate, '--seconds', String(seconds)];
  return textOf(run('loadtest/load.ts', ...args));
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
        const { nodeId, publicKey } = identity;
        const address = read(replica.dataDir, 'peers.json')['listen'] ?? '';
        const peer: PeerAddress = { nodeId, publicKey, address };
        return { replica, identity, peer };
      })
      .sort((a, b) => (toHex(a.peer.nodeId) < toHex(b.peer.nodeId) ? -1 : 1));
    const [evil, victim, ...others] = members;
    if (evil === undefined || victim === undefined) throw new Error('no network');
    process.kill(evil.replica.pid, 'SIGKILL');
    console.log(`${principalToText(evil.peer.nodeId)} has turned`);
    await pause(SETTLE_MS);
    const seconds = Number(values.seconds);
    const pids = [victim, ...others].map(({ replica }) => replica.pid);
    const { gatewayUrl } = victim.replica;
    console.log(`in peace, ${seconds / 4} s:\n${await load(gatewayUrl, seconds / 4)}`);
    const before = pids.map(memoryMiB);
    const attack = new Attack(
      evil.identity,
      [victim, ...others].map(({ peer }) => peer),
      Number(values.seed),
    );
    const attacking = attack.run(seconds * 1_000);
    console.log(`under attack, ${seconds} s:\n${await load(gatewayUrl, seconds)}`);
    await attacking;
    console.log(attack.text());
    const after = pids.map(memoryMiB);
    console.log(
      `memory at most, MiB: ${before.map((mib, index) => `${mib.toFixed(0)} → ${after[index]?.toFixed(0)}`).join(', ')}`,
    );
    console.log(`in peace again, ${seconds / 4} s:\n${await load(gatewayUrl, seconds / 4)}`);
  } finally {
    network.kill('SIGINT');
    await new Promise((resolve) => network.once('exit', resolve));
  }
}

const folder = mkdtempSync(join(tmpdir(), 'internode-fuzz-'));
try {
  await main(folder);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
