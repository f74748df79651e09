import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Caller, type Core, type Effect, Service } from '@internode/actor';
import type { Message } from '@internode/contracts';
import { afterEach, describe, expect, test } from 'vitest';
import { type HostOptions, openHost } from '../src/index.ts';

type CounterEvent = { readonly kind: 'Counted'; readonly total: number };

/** Counts RequestBeacon; answers each with the total once it is durable. `RequestTape` breaks it. */
class Counter implements Core<never, never, CounterEvent> {
  #total = 0;

  step(_now: unknown, input: Parameters<Core<never, never, CounterEvent>['step']>[1]) {
    const effects: Effect<never, CounterEvent>[] = [];
    if (input.kind === 'replayed') this.#total += 1;
    if (input.kind === 'message' && input.message.kind === 'RequestTape') throw new Error('broken');
    if (input.kind !== 'message' || input.message.kind !== 'RequestBeacon') return effects;
    this.#total += 1;
    const height = this.#total;
    const message: Message = { kind: 'BeaconValue', height, value: new Uint8Array(3) };
    effects.push({
      kind: 'persist',
      entry: Uint8Array.of(1),
      then: [{ kind: 'publish', message }],
    });
    effects.push({ kind: 'observe', event: { kind: 'Counted', total: height } });
    return effects;
  }
}

function counter() {
  return new Service<never, never, CounterEvent>({
    name: 'counter',
    hears: [
      { kind: 'RequestBeacon', lane: 'bulk', whenFull: 'refuse' },
      { kind: 'RequestTape', lane: 'control', whenFull: 'crash' },
    ],
    core: () => new Counter(),
  });
}

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
});

function newDataDir(): string {
  const dir = fs.mkdtempSync(join(tmpdir(), 'internode-host-'));
  cleanups.push(() => fs.rmSync(dir, { recursive: true }));
  return dir;
}

async function open(options: Partial<HostOptions> = {}) {
  const lines: string[] = [];
  const host = await openHost({
    place: { subnet: 's1', node: 'n1' },
    log: { format: 'json', write: (line) => lines.push(line) },
    ...options,
  });
  cleanups.push(() => void host.close());
  const service = counter();
  host.run(service, {
    describe: ({ total }) => ({
      log: { level: 'info', text: 'counted', fields: { total } },
      metrics: [{ kind: 'count', name: 'counts_total' }],
    }),
  });
  const caller = new Caller({
    name: 'edge',
    ports: host,
    keyOf: { BeaconValue: () => 'beacon' },
    pendingMax: 2,
  });
  const ask = (deadlineMs = 5000) =>
    caller.ask({ message: { kind: 'RequestBeacon', height: 1 }, key: 'beacon', deadlineMs });
  return { host, caller, ask, lines, service };
}

describe('openHost', () => {
  test('runs a service on the memory bus; events become log lines and metrics', async () => {
    const { host, ask, lines } = await open();
    expect(await ask()).toMatchObject({ kind: 'answered', message: { height: 1 } });
    const line = lines.map((text) => JSON.parse(text)).find(({ text }) => text === 'counted');
    expect(line).toMatchObject({ level: 'info', service: 'counter', node: 'n1', total: 1 });
    const metrics = host.telemetry.metrics.text();
    expect(metrics).toContain('# TYPE internode_counter_counts_total counter\n');
    expect(metrics).toContain('internode_counter_counts_total 1\n');
    expect(metrics).toContain('internode_counter_effects_total{effect="persist"} 1\n');
    await host.close();
  });

  test('a service goes on from its journal after a broken invariant and after a new start', async () => {
    const dataDir = newDataDir();
    const first = await open({ dataDir });
    await first.ask();
    await first.ask();
    first.caller.tell({ kind: 'RequestTape', height: 1 });
    expect(await first.ask(10)).toEqual({ kind: 'late' });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await first.ask()).toMatchObject({ message: { height: 3 } });
    expect(first.lines.join('')).toContain('restarting from the journal');
    await first.host.close();

    const second = await open({ dataDir });
    expect(await second.ask()).toMatchObject({ message: { height: 4 } });
    await second.host.close();
  });

  test('three failures in a row stop the node', async () => {
    const { host, caller, service } = await open();
    for (let i = 0; i < 3; i++) {
      while (!service.running) await new Promise((resolve) => setTimeout(resolve, 10));
      caller.tell({ kind: 'RequestTape', height: 1 });
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await expect(host.stopped()).rejects.toThrow('counter keeps failing');
    expect(service.running).toBe(false);
    await host.close();
  });

  test('a data directory serves one process at a time; a dead one leaves it usable', async () => {
    const dataDir = newDataDir();
    const { host } = await open({ dataDir });
    await expect(open({ dataDir })).rejects.toMatchObject({
      code: 'locked',
      message: expect.stringContaining(`process ${process.pid}`),
    });
    await host.close();
    fs.writeFileSync(join(dataDir, 'lock'), '999999999 1');
    const again = await open({ dataDir });
    await again.host.close();
  });

  test('a damaged journal refuses to open and says what to do', async () => {
    const dataDir = newDataDir();
    const { host, ask } = await open({ dataDir });
    await ask();
    await host.close();
    const path = join(dataDir, 'journal', 'counter.journal');
    const bytes = fs.readFileSync(path);
    bytes[48] = (bytes[48] ?? 0) ^ 1;
    fs.writeFileSync(path, bytes);
    const again = open({ dataDir });
    await expect(again).rejects.toMatchObject({ code: 'corrupt' });
    await expect(again).rejects.toThrow('--clean');
  });

  test('stops on SIGTERM: closes what was deferred in reverse order, leaves no lock, ends by itself', async () => {
    const dataDir = newDataDir();
    const script = fileURLToPath(new URL('./process.ts', import.meta.url));
    const child = spawn(process.execPath, [script, dataDir], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let said = '';
    for await (const chunk of child.stdout) {
      said += chunk;
      if (said === 'running\n') child.kill('SIGTERM');
    }
    expect(said).toBe('running\ndeferred last\ndeferred first\n');
    expect(fs.existsSync(join(dataDir, 'lock'))).toBe(false);
    expect(child.exitCode ?? (await new Promise((resolve) => child.once('exit', resolve)))).toBe(0);
  });

  test('a busy service starves nobody; a slow step is told and counted', async () => {
    const { host, ask } = await open();
    const busy = new Service<string, string, never>({
      name: 'busy',
      hears: [{ kind: 'TapeValue', lane: 'bulk', whenFull: 'drop-oldest' }],
      core: () => ({
        // Has always more to do: each step takes 1 ms, the first 20 ms, and asks for the next at once.
        step: (_now, input) => {
          const endMs = performance.now() + (input.kind === 'started' ? 20 : 1);
          while (performance.now() < endMs);
          return [{ kind: 'solve', id: 'more', task: '' }];
        },
      }),
    });
    host.run(busy, { solver: { solve: (task, answer) => answer(task) } });
    const started = performance.now();
    for (let i = 0; i < 10; i++) expect(await ask()).toMatchObject({ kind: 'answered' });
    expect(performance.now() - started).toBeLessThan(1000);
    expect(host.telemetry.metrics.text()).toContain(
      'internode_busy_steps_slow_total{input="started"} 1\n',
    );
    expect(busy.figures().steps).toBeGreaterThan(5);
  });

  test('speaks and hears inside its own node only', async () => {
    const { host } = await open();
    const subject = 'internode.s1.n2.beacon.request_beacon';
    expect(() => host.bus.subscribe(subject, () => {})).toThrow('outside internode.s1.n1.');
    await host.close();
  });
});
