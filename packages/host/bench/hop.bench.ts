// node packages/host/bench/hop.bench.ts: what one message between two services costs, and one durable answer.
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Core, type Effect, Service } from '@internode/actor';
import { openHost } from '../src/index.ts';

type Play = Core<never, never, never>;

/** Answers `RequestBeacon` with `BeaconValue`, behind the disk if asked to. */
function responder(durable: boolean): Play {
  return {
    step: (_now, input) => {
      if (input.kind !== 'message' || input.message.kind !== 'RequestBeacon') return [];
      const value = new Uint8Array(48);
      const say: Effect<never, never> = {
        kind: 'publish',
        message: { kind: 'BeaconValue', height: input.message.height, value },
      };
      return durable ? [{ kind: 'persist', entry: new Uint8Array(300), then: [say] }] : [say];
    },
  };
}

function asker(rounds: number, window: number, done: () => void): Play {
  let asked = 0;
  let answered = 0;
  const ask = (): Effect<never, never>[] => {
    if (asked === rounds) return [];
    asked += 1;
    return [{ kind: 'publish', message: { kind: 'RequestBeacon', height: asked } }];
  };
  return {
    step: (_now, input) => {
      if (input.kind === 'started') return Array.from({ length: window }, () => ask()).flat();
      if (input.kind !== 'message') return [];
      answered += 1;
      if (answered === rounds) done();
      return ask();
    },
  };
}

async function measure(
  name: string,
  rounds: number,
  window: number,
  durable: boolean,
): Promise<void> {
  const dataDir = fs.mkdtempSync(join(tmpdir(), 'internode-hop-'));
  const host = await openHost({
    place: { subnet: 's', node: 'n' },
    dataDir,
    log: { level: 'error' },
  });
  const started = performance.now();
  await new Promise<void>((resolve) => {
    host.run(
      new Service({
        name: 'responder',
        hears: [{ kind: 'RequestBeacon', lane: 'bulk', whenFull: 'refuse' }],
        core: () => responder(durable),
      }),
    );
    host.run(
      new Service({
        name: 'asker',
        hears: [{ kind: 'BeaconValue', lane: 'bulk', whenFull: 'refuse' }],
        core: () => asker(rounds, window, resolve),
      }),
    );
  });
  const us = ((performance.now() - started) * 1000) / rounds;
  console.log(`${name}: ${us.toFixed(1)} us a round trip, window ${window}`);
  await host.close();
  fs.rmSync(dataDir, { recursive: true });
}

await measure('memory bus', 100_000, 1, false);
await measure('memory bus', 300_000, 64, false);
await measure('durable', 3000, 1, true);
await measure('durable', 50_000, 64, true);
