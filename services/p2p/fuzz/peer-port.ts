// Attacks live peer ports and says what it did to the honest network. `node services/p2p/fuzz/peer-port.ts --seconds 600`.
// A process of its own holds three honest members (real p2p services, adapters, mutual TLS), which tell each other artifacts all
// the time; this process is the fourth member, and any number of strangers. A third of the time is quiet, for comparison.
// With --target HOST:PORT --public-key HEX (DER) --secret HEX it attacks somebody else's port and only says what it sent.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { PeerAddress } from '@internode/contracts';
import { nodeSignatures } from '@internode/crypto/fast';
import { selfAuthenticating } from '@internode/encoding';
import { fromHex } from '@internode/prelude';
import { type Identity, identities, pause } from '../test/live.ts';
import { Attack } from './attack.ts';
import type { Reading } from './honest.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: '1' },
    target: { type: 'string' },
    'public-key': { type: 'string' },
    secret: { type: 'string' },
  },
});
const seconds = Number(values.seconds);

/**
 * Slower than this, or larger, and the honest network has suffered. A certified call takes about five hops and 100 ms or more: a
 * fifth of that is 4 ms per hop.
 */
const SLOWER_MS_MAX = 4;
const GROWTH_MIB_MAX = 1_024;

async function attackOther(target: string): Promise<number> {
  const publicKey = fromHex(values['public-key'] ?? '');
  const secret = fromHex(values.secret ?? '');
  const own = nodeSignatures.ed25519PublicKey(secret);
  const identity: Identity = { secret, publicKey: own, nodeId: selfAuthenticating(own) };
  const attack = new Attack(
    identity,
    [{ nodeId: selfAuthenticating(publicKey), publicKey, address: target }],
    Number(values.seed),
  );
  await attack.run(seconds * 1_000);
  console.log(attack.text());
  return 0;
}

async function attackOwn(): Promise<number> {
  const child = fork(fileURLToPath(new URL('./honest.ts', import.meta.url)), {
    execArgv: process.execArgv,
  });
  const [addresses] = (await once(child, 'message')) as [
    readonly { key: string; secret: string; address: string }[],
  ];
  const [evil] = identities(4);
  if (evil === undefined) throw new Error('no identity');
  const targets = addresses.map(({ key, address }): PeerAddress => {
    const publicKey = fromHex(key);
    return { nodeId: selfAuthenticating(publicKey), publicKey, address };
  });
  const quiet: Reading[] = [];
  const under: Reading[] = [];
  let readings = quiet;
  let died = false;
  child.on('message', (reading: Reading) => readings.push(reading));
  child.on('exit', () => {
    died = true;
  });
  const attack = new Attack(evil, targets, Number(values.seed));
  const quietMs = (seconds * 1_000) / 6;
  await pause(quietMs);
  readings = under;
  await attack.run(4 * quietMs, () => died);
  readings = quiet;
  if (!died) await pause(quietMs);
  child.removeAllListeners('exit');
  child.kill();
  return report(attack, quiet, under, died);
}

function report(
  attack: Attack,
  quiet: readonly Reading[],
  under: readonly Reading[],
  died: boolean,
): number {
  const [before, during] = [quiet, under].map((readings) => ({
    p50: median(readings.map(({ p50 }) => p50)),
    p99: median(readings.map(({ p99 }) => p99)),
    rss: Math.max(...readings.map(({ rssMiB }) => rssMiB)),
    cpu: median(readings.map(({ cpuShare }) => cpuShare)),
    lost: readings.reduce((sum, { lost }) => sum + lost, 0),
  }));
  if (before === undefined || during === undefined) return 1;
  console.log(attack.text());
  for (const [name, { p50, p99, rss, cpu, lost }] of [
    ['quiet', before],
    ['under attack', during],
  ] as const)
    console.log(
      `${name}: p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms, ${rss.toFixed(0)} MiB at most, ${(100 * cpu).toFixed(0)} % of a core, ${lost} lost`,
    );
  const last = under.at(-1) ?? quiet.at(-1);
  console.log(`counted by the honest members: ${JSON.stringify(last?.counts ?? {})}`);
  const slower = during.p50 - before.p50;
  const growth = during.rss - (quiet[0]?.rssMiB ?? 0);
  const ok = !died && during.lost === 0 && growth < GROWTH_MIB_MAX && slower < SLOWER_MS_MAX;
  console.log(
    `${died ? 'DIED' : 'alive'}, a hop takes ${slower.toFixed(2)} ms more, memory + ${growth.toFixed(0)} MiB: ${ok ? 'held' : 'NOT HELD'}`,
  );
  return ok ? 0 : 1;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

process.exitCode = await (values.target === undefined ? attackOwn() : attackOther(values.target));
