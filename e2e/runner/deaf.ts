// An address behind which nobody answers at all, as that of a machine which is switched off.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** More than its backlog holds: the system drops whatever comes after these. */
const CROWD = 4;
const PROGRAM = `
  const server = require('node:net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
    require('node:fs').writeSync(1, String(server.address().port));
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  });`;

export class DeafPort implements Disposable {
  readonly address: string;
  readonly #process: ChildProcess;
  readonly #crowd: readonly Socket[];

  static async open(): Promise<DeafPort> {
    const child = spawn(process.execPath, ['-e', PROGRAM], { stdio: ['ignore', 'pipe', 'ignore'] });
    const [port] = (await once(child.stdout, 'data')) as [Buffer];
    return new DeafPort(child, Number(port));
  }

  private constructor(child: ChildProcess, port: number) {
    this.#process = child;
    this.address = `127.0.0.1:${port}`;
    this.#crowd = Array.from({ length: CROWD }, () => connect(port, '127.0.0.1'));
    for (const socket of this.#crowd) socket.on('error', () => {});
  }

  [Symbol.dispose](): void {
    for (const socket of this.#crowd) socket.destroy();
    this.#process.kill('SIGKILL');
  }
}
