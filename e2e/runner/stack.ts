// A compose project as an operator works with it: docker compose and docker, nothing else.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ReplicaConfig, runProgram } from './replica.ts';
import { SERVICES } from './services.ts';
import { wait } from './under-load.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** All containers of a replica that go on running. */
export const CONTAINERS = ['broker', ...SERVICES] as const;
export type ContainerName = (typeof CONTAINERS)[number];

const START_TIMEOUT_MS = 240_000;
const POLL_MS = 100;

export interface StackOptions {
  /** Compose's name for all that belongs together. */
  readonly project: string;
  /** Of each replica's gateway. */
  readonly ports: readonly number[];
  /** A file that adds to docker-compose.yml, from the root of the repository. */
  readonly overlay?: string;
}

export class Stack {
  readonly project: string;
  readonly #ports: readonly number[];
  /** What compose fills the file in with. */
  readonly environment: NodeJS.ProcessEnv;
  readonly #flags: readonly string[];

  constructor({ project, ports, overlay }: StackOptions) {
    this.project = project;
    this.#ports = ports;
    const names = ports.map((_, index) => (index === 0 ? '' : `_${index}`));
    this.environment = {
      ...process.env,
      ...Object.fromEntries(
        names.map((name, index) => [`INTERNODE_PORT${name}`, String(ports[index])]),
      ),
    };
    const files = ['docker-compose.yml', ...(overlay === undefined ? [] : [overlay])];
    this.#flags = [
      ...files.flatMap((file) => ['--file', join(ROOT, file)]),
      ...(ports.length > 1 ? ['--profile', 'network'] : []),
    ];
  }

  urlOf(replica: number): string {
    return `http://127.0.0.1:${this.#ports[replica]}`;
  }

  /** Everything that is not there or not as the file says. Settles when all are healthy. */
  async up(environment: NodeJS.ProcessEnv = {}): Promise<number> {
    const startedAt = performance.now();
    await this.compose(['up', '--detach', '--wait', '--no-build', '--quiet-pull'], environment);
    return performance.now() - startedAt;
  }

  /** Another image for one service, everything else as it is. */
  async upgrade(container: ContainerName, replica: number, image: string): Promise<void> {
    const name = serviceIn(container, replica);
    const alone = ['--no-deps', '--no-build', '--force-recreate'];
    await this.compose(['up', '--detach', ...alone, name], { INTERNODE_IMAGE: image });
  }

  pause = (replica: number): Promise<void> => this.#toAll('pause', replica);
  resume = (replica: number): Promise<void> => this.#toAll('unpause', replica);
  /** SIGKILL, by hand: the engine starts none of them again. The door first, as nobody hears of a power cut either. */
  async killAll(replica: number): Promise<void> {
    await docker(['kill', this.idOf('gateway', replica)]);
    const others = CONTAINERS.filter((name) => name !== 'gateway');
    await docker(['kill', ...others.map((name) => this.idOf(name, replica))]);
  }

  startAll = (replica: number): Promise<void> => this.#toAll('start', replica);

  /** From all peers. */
  async cut(replica: number): Promise<void> {
    const network = `${this.project}_peers`;
    await docker(['network', 'disconnect', network, this.idOf('p2p', replica)]);
  }

  async heal(replica: number): Promise<void> {
    const alias = serviceIn('p2p', replica);
    const network = `${this.project}_peers`;
    await docker(['network', 'connect', '--alias', alias, network, this.idOf('p2p', replica)]);
  }

  async ready(replica = 0): Promise<ReplicaConfig> {
    const deadline = performance.now() + START_TIMEOUT_MS;
    const url = this.urlOf(replica);
    while (!(await fetch(`${url}/readyz`).catch(() => undefined))?.ok) {
      if (performance.now() > deadline) throw new Error(`${url} is not ready:\n${this.logs()}`);
      await wait(POLL_MS);
    }
    const gateway = serviceIn('gateway', replica);
    const text = await this.compose(['exec', '--no-TTY', gateway, 'cat', '/settings/replica.json']);
    return { ...(JSON.parse(text) as ReplicaConfig), gatewayUrl: url };
  }

  logs(): string {
    const args = this.args(['logs', '--no-color', '--tail', '200']);
    return spawnSync('docker', args, { encoding: 'utf8', env: this.environment }).stdout;
  }

  /** What it ran, without what it wrote. */
  async down(...flags: readonly string[]): Promise<void> {
    await this.compose(['down', '--timeout', '10', ...flags]);
  }

  async #toAll(command: string, replica: number): Promise<void> {
    await docker([command, ...CONTAINERS.map((name) => this.idOf(name, replica))]);
  }

  idOf(container: ContainerName, replica = 0): string {
    return `${this.project}-${serviceIn(container, replica)}-1`;
  }

  async compose(args: readonly string[], environment: NodeJS.ProcessEnv = {}): Promise<string> {
    return run(this.args(args), { ...this.environment, ...environment });
  }

  args(args: readonly string[]): string[] {
    return ['compose', '--project-name', this.project, ...this.#flags, ...args];
  }
}

/** What the compose file calls it. */
function serviceIn(container: ContainerName, replica: number): string {
  return replica === 0 ? container : `${container}-${replica}`;
}

export function docker(args: readonly string[]): Promise<string> {
  return run(args, process.env);
}

async function run(args: readonly string[], environment: NodeJS.ProcessEnv): Promise<string> {
  const { code, stdout, stderr } = await runProgram('docker', args, { environment });
  if (code !== 0) throw new Error(`docker ${args.join(' ')}\n${stderr || stdout}`);
  return stdout;
}
