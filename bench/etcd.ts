// The replicated peer: three etcd processes on loopback, writing through Raft with fsync, by its JSON gateway. From Debian's
// package, unpacked into a folder of its own.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Connection, runClosedLoop } from '@internode/loadtest';
import { end, freePort, type Household } from './household.ts';
import { type Measured, measured } from './measure.ts';

const FOLDER = fileURLToPath(new URL('../.cache/peers/etcd', import.meta.url));
const BINARY = join(FOLDER, 'usr/bin/etcd');
const PACKAGE = 'etcd-server';
const MEMBERS = 3;
const READY_TIMEOUT_MS = 30_000;
const INSTALL_TIMEOUT_MS = 120_000;

/** Unpacks Debian's package unless it is there. Throws where there is no apt. */
export async function installEtcd(household: Household): Promise<void> {
  if (existsSync(BINARY)) return;
  mkdirSync(FOLDER, { recursive: true });
  await run(household, 'apt-get', ['download', PACKAGE]);
  const archive = readdirSync(FOLDER).find((name) => name.endsWith('.deb'));
  if (archive === undefined) throw new Error(`apt-get download ${PACKAGE} brought nothing`);
  await run(household, 'dpkg', ['-x', archive, '.']);
}

function run(household: Household, program: string, args: readonly string[]): Promise<void> {
  const child = spawn(program, args, {
    cwd: FOLDER,
    stdio: 'ignore',
    timeout: INSTALL_TIMEOUT_MS,
  });
  household.keep(child);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) =>
      code === 0 ? resolve() : reject(new Error(`${program} ${args.join(' ')} ended with ${code}`)),
    );
  });
}

export class EtcdCluster {
  readonly #children: readonly ChildProcess[];
  readonly #urls: readonly string[];
  #written = 0;

  private constructor(children: readonly ChildProcess[], urls: readonly string[]) {
    this.#children = children;
    this.#urls = urls;
  }

  static async start(household: Household): Promise<EtcdCluster> {
    const members = await Promise.all(
      Array.from({ length: MEMBERS }, async (_, index) => ({
        name: `m${index}`,
        client: `http://127.0.0.1:${await freePort()}`,
        peer: `http://127.0.0.1:${await freePort()}`,
      })),
    );
    const cluster = members.map(({ name, peer }) => `${name}=${peer}`).join(',');
    const children = members.map(({ name, client, peer }) => {
      const child = spawn(
        BINARY,
        [
          ...['--name', name, '--data-dir', household.folder(), '--logger', 'zap'],
          ...['--log-level', 'error', '--initial-cluster', cluster],
          ...['--listen-client-urls', client, '--advertise-client-urls', client],
          ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer],
        ],
        { stdio: 'ignore' },
      );
      household.keep(child);
      return child;
    });
    const etcd = new EtcdCluster(
      children,
      members.map(({ client }) => client),
    );
    await etcd.#waitUntilHealthy();
    return etcd;
  }

  get pids(): readonly number[] {
    return this.#children.map(({ pid }) => pid ?? 0);
  }

  /** So many puts of values of so many bytes, each answered when it is on the disks of a majority. */
  async write(count: number, concurrency: number, valueBytes: number): Promise<Measured> {
    const first = this.#written;
    this.#written += count;
    const bodies = Array.from({ length: count }, (_, index) => putBody(first + index, valueBytes));
    const operation = async (connection: Connection, index: number): Promise<void> => {
      const { status, body } = await connection.post(
        '/v3/kv/put',
        bodies[index] ?? new Uint8Array(),
        'application/json',
      );
      if (status !== 200) throw new Error(`etcd: put ${index}: ${Buffer.from(body)}`);
    };
    return measured(this.pids, () =>
      runClosedLoop({ url: this.#urls, concurrency, count, operation }),
    );
  }

  async stop(): Promise<void> {
    await Promise.all(this.#children.map((child) => end(child)));
  }

  async #waitUntilHealthy(): Promise<void> {
    const deadline = performance.now() + READY_TIMEOUT_MS;
    for (const url of this.#urls) {
      for (;;) {
        const healthy = await fetch(`${url}/health`)
          .then(async (answer) => (await answer.text()).includes('true'))
          .catch(() => false);
        if (healthy) break;
        if (performance.now() > deadline) throw new Error(`etcd at ${url} is not healthy`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  }
}

function putBody(index: number, valueBytes: number): Buffer {
  const key = Buffer.from(`call-${index}`).toString('base64');
  const value = crypto.getRandomValues(new Uint8Array(valueBytes));
  return Buffer.from(JSON.stringify({ key, value: Buffer.from(value).toString('base64') }));
}
