// The peers: local development nodes of another chain that people compare with, installed on demand, doing their counter increment.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Connection, runClosedLoop } from '@internode/loadtest';
import { toHex } from '@internode/prelude';
import {
  type Account,
  accountOf,
  contractAddress,
  createCounter,
  increment,
  type SignedTransaction,
} from './evm.ts';
import { end, freePort, type Household } from './household.ts';
import { type Measured, measured } from './measure.ts';

const FOLDER = fileURLToPath(new URL('../.cache/peers', import.meta.url));
const HARDHAT = { package: 'hardhat', version: '2.29.1' };
const ANVIL = { package: '@foundry-rs/anvil-linux-amd64', version: '1.7.1' };
const INSTALL_TIMEOUT_MS = 300_000;
const READY_TIMEOUT_MS = 60_000;

export type PeerName = 'hardhat' | 'anvil';

interface Kind {
  readonly name: PeerName;
  readonly package: string;
  readonly version: string;
  /** Whether it runs on a just-in-time compiler, which takes thousands of writes to settle. A native one is only slowed by a longer chain. */
  readonly warmsUp: boolean;
  /** How a write is done: the way of each peer that is fastest. */
  readonly method: 'send, then receipt' | 'sendRawTransactionSync';
  readonly command: (port: number) => readonly [string, ...string[]];
}

const KINDS: readonly Kind[] = [
  {
    ...HARDHAT,
    name: 'hardhat',
    warmsUp: true,
    method: 'send, then receipt',
    command: (port) => [
      process.execPath,
      join(FOLDER, 'node_modules/hardhat/internal/cli/bootstrap.js'),
      ...['node', '--hostname', '127.0.0.1', '--port', String(port)],
    ],
  },
  {
    ...ANVIL,
    name: 'anvil',
    warmsUp: false,
    method: 'sendRawTransactionSync',
    command: (port) => [
      join(FOLDER, 'node_modules', ANVIL.package, 'bin/anvil'),
      ...['--host', '127.0.0.1', '--port', String(port), '--quiet'],
    ],
  },
];

/** Installs the peers' packages into a folder of their own, unless they are there. Throws when that is impossible. */
export async function installPeers(
  household: Household,
  log: (line: string) => void,
): Promise<void> {
  if (KINDS.every(isInstalled)) return;
  mkdirSync(FOLDER, { recursive: true });
  const dependencies = Object.fromEntries(KINDS.map((kind) => [kind.package, kind.version]));
  writeFileSync(
    join(FOLDER, 'package.json'),
    `${JSON.stringify({ name: 'peers', private: true, dependencies }, null, 2)}\n`,
  );
  // No request is logged to the terminal: that would be time of its own.
  writeFileSync(
    join(FOLDER, 'hardhat.config.cjs'),
    "module.exports = { solidity: '0.8.28', networks: { hardhat: { loggingEnabled: false } } };\n",
  );
  log(`installing the peers (${KINDS.map(({ name, version }) => `${name} ${version}`)}) …`);
  const startedAt = performance.now();
  const npm = process.env['npm_execpath'];
  const [program, ...args] = npm ? [process.execPath, npm] : ['npm'];
  const flags = ['--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error'];
  const child = spawn(program as string, [...args, 'install', ...flags], {
    cwd: FOLDER,
    stdio: ['ignore', 'ignore', 'inherit'],
    timeout: INSTALL_TIMEOUT_MS,
  });
  household.keep(child);
  const seconds = (): number => Math.round((performance.now() - startedAt) / 1000);
  const ticker = setInterval(() => log(`… still installing, ${seconds()} s`), 5000);
  const code = await new Promise<number>((resolve) => {
    child.on('error', () => resolve(1));
    child.on('exit', (status) => resolve(status ?? 1));
  });
  clearInterval(ticker);
  if (code !== 0 || !KINDS.every(isInstalled))
    throw new Error('the peers could not be installed (npm install failed in .cache/peers)');
  log(`peers installed in ${seconds()} s`);
}

function isInstalled(kind: Kind): boolean {
  const manifest = join(FOLDER, 'node_modules', kind.package, 'package.json');
  if (!existsSync(manifest)) return false;
  const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { readonly version?: string };
  return version === kind.version;
}

interface RpcAnswer {
  readonly result?: unknown;
  readonly error?: { readonly message: string };
}

function rpcBody(method: string, ...params: readonly unknown[]): Buffer {
  return Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }));
}

function resultOf(body: Uint8Array): unknown {
  const { result, error } = JSON.parse(Buffer.from(body).toString('utf8')) as RpcAnswer;
  if (error) throw new Error(error.message);
  return result;
}

const hex = (bytes: Uint8Array): string => `0x${toHex(bytes)}`;

/** One write made ahead of time, in both ways of doing it. */
interface PreparedWrite {
  readonly transaction: SignedTransaction;
  readonly send: Buffer;
  readonly receipt: Buffer;
  readonly sendSync: Buffer;
}

/** Increments of one peer, in the order of a closed loop: operation `index` belongs to connection and account `index % concurrency`. */
class Writes {
  readonly #accounts: readonly Account[];
  readonly #nonces: number[];
  readonly deployer = accountOf(0);
  readonly counter = contractAddress(this.deployer.address, 0);

  constructor(accounts: number) {
    this.#accounts = Array.from({ length: accounts }, (_, index) => accountOf(index + 1));
    this.#nonces = this.#accounts.map(() => 0);
  }

  get accounts(): readonly Account[] {
    return [this.deployer, ...this.#accounts];
  }

  prepare(count: number, concurrency: number): PreparedWrite[] {
    return Array.from({ length: count }, (_, index) => {
      const owner = index % concurrency;
      const nonce = this.#nonces[owner] ?? 0;
      this.#nonces[owner] = nonce + 1;
      const transaction = increment(this.#accounts[owner] as Account, nonce, this.counter);
      return {
        transaction,
        send: rpcBody('eth_sendRawTransaction', hex(transaction.raw)),
        receipt: rpcBody('eth_getTransactionReceipt', hex(transaction.hash)),
        sendSync: rpcBody('eth_sendRawTransactionSync', hex(transaction.raw)),
      };
    });
  }
}

export class Peer {
  readonly readyMs: number;
  readonly #writes: Writes;
  readonly #kind: Kind;
  readonly #child: ChildProcess;
  readonly #url: string;
  #written = 0;

  private constructor(
    kind: Kind,
    writes: Writes,
    child: ChildProcess,
    url: string,
    readyMs: number,
  ) {
    this.#kind = kind;
    this.#writes = writes;
    this.readyMs = readyMs;
    this.#child = child;
    this.#url = url;
  }

  /** Starts every peer with the counter deployed and all accounts funded. */
  static async startAll(household: Household, accounts: number): Promise<Peer[]> {
    const peers: Peer[] = [];
    for (const kind of KINDS) peers.push(await Peer.#start(kind, household, new Writes(accounts)));
    return peers;
  }

  static async #start(kind: Kind, household: Household, writes: Writes): Promise<Peer> {
    const port = await freePort();
    const [program, ...args] = kind.command(port);
    const startedAt = performance.now();
    const child = spawn(program, args, {
      cwd: FOLDER,
      stdio: 'ignore',
      env: { ...process.env, HARDHAT_DISABLE_TELEMETRY_PROMPT: 'true' },
    });
    household.keep(child);
    const url = `http://127.0.0.1:${port}`;
    for (;;) {
      const chainId = await ask(url, 'eth_chainId').catch(() => undefined);
      if (chainId === '0x7a69') break;
      if (child.exitCode !== null || performance.now() - startedAt > READY_TIMEOUT_MS)
        throw new Error(`${kind.name} did not start`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const peer = new Peer(kind, writes, child, url, performance.now() - startedAt);
    for (const { address } of writes.accounts)
      await ask(url, 'hardhat_setBalance', hex(address), '0xd3c21bcecceda1000000');
    await ask(url, 'eth_sendRawTransaction', hex(createCounter(writes.deployer, 0).raw));
    if ((await peer.#count()) !== 0) throw new Error(`${kind.name}: no counter`);
    return peer;
  }

  get name(): PeerName {
    return this.#kind.name;
  }

  /** Name, version and how it writes. */
  get description(): string {
    return `${this.#kind.name} ${this.#kind.version} (${this.#kind.method})`;
  }

  get warmsUp(): boolean {
    return this.#kind.warmsUp;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /**
   * A write is done when its receipt is there. hardhat mines while it answers the send, so the receipt is the second request; anvil
   * mines later, and its `eth_sendRawTransactionSync` (EIP-7966) answers with the receipt, which is faster than asking again and again.
   */
  async write(count: number, concurrency: number): Promise<Measured> {
    const prepared = this.#writes.prepare(count, concurrency);
    this.#written += prepared.length;
    const bodies: Uint8Array[] = new Array(prepared.length);
    const operation = async (connection: Connection, index: number): Promise<void> => {
      const { send, receipt, sendSync } = prepared[index] as PreparedWrite;
      const inTwo = this.#kind.method === 'send, then receipt';
      if (inTwo) await connection.post('/', send, 'application/json');
      const last = await connection.post('/', inTwo ? receipt : sendSync, 'application/json');
      bodies[index] = last.body;
    };
    const figures = await measured(this.pid, () =>
      runClosedLoop({ url: this.#url, concurrency, count, operation }),
    );
    bodies.forEach((body, index) => {
      this.#checkReceipt(body, prepared[index]);
    });
    return figures;
  }

  #checkReceipt(body: Uint8Array, prepared: PreparedWrite | undefined): void {
    const receipt = resultOf(body) as {
      readonly status: string;
      readonly transactionHash: string;
    } | null;
    const expected = prepared && hex(prepared.transaction.hash);
    if (receipt?.status !== '0x1' || receipt.transactionHash !== expected)
      throw new Error(`${this.#kind.name}: a write failed: ${Buffer.from(body)}`);
  }

  /** Runs the counter's code without keeping the result: what a query is. */
  async read(count: number, concurrency: number): Promise<Measured> {
    const call = rpcBody('eth_call', { to: hex(this.#writes.counter) }, 'latest');
    const operation = async (connection: Connection): Promise<void> => {
      const { body } = await connection.post('/', call, 'application/json');
      if (!Buffer.from(body).includes('"result":"0x"'))
        throw new Error(`${this.name}: eth_call failed`);
    };
    return measured(this.pid, () =>
      runClosedLoop({ url: this.#url, concurrency, count, operation }),
    );
  }

  /** Throws unless the contract counted every write. */
  async checkCount(): Promise<void> {
    const count = await this.#count();
    if (count !== this.#written)
      throw new Error(`${this.name} counted ${count} of ${this.#written} writes`);
  }

  async #count(): Promise<number> {
    const stored = await ask(
      this.#url,
      'eth_getStorageAt',
      hex(this.#writes.counter),
      '0x0',
      'latest',
    );
    return Number(stored);
  }

  stop(): Promise<void> {
    return end(this.#child);
  }
}

async function ask(url: string, method: string, ...params: readonly unknown[]): Promise<unknown> {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: rpcBody(method, ...params),
    signal: AbortSignal.timeout(10_000),
  });
  return resultOf(new Uint8Array(await answer.arrayBuffer()));
}
