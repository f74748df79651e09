// The real `icp` command, unmodified, with the replica as a connected network.
import { mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Canister, currentClient } from '../runner/clients.ts';
import { counterInterface } from '../runner/interfaces.ts';
import { motokoModule } from '../runner/modules.ts';
import { type Replica, runProgram, scratchDir, startReplica } from '../runner/replica.ts';

const ICP = join(
  dirname(createRequire(import.meta.url).resolve('@icp-sdk/icp-cli-linux-x64/package.json')),
  'bin/icp',
);

describe('icp', () => {
  let replica: Replica;
  let counter: Canister;
  const project = scratchDir();

  beforeAll(async () => {
    replica = await startReplica();
    const client = await currentClient.open(replica);
    counter = await client.deploy(counterInterface, motokoModule('counter.mo'));
    const network = `{ name: local-internode, mode: connected, url: ${replica.gatewayUrl}, root-key: fetch }`;
    const environment = '{ name: local-internode, network: local-internode }';
    writeFileSync(
      join(project, 'icp.yaml'),
      `networks:\n  - ${network}\nenvironments:\n  - ${environment}\n`,
    );
    mkdirSync(join(project, 'home'));
  });
  afterAll(async () => {
    await replica?.stop();
  });

  async function icp(...args: string[]): Promise<string> {
    const environment = {
      HOME: join(project, 'home'),
      ICP_HOME: join(project, 'home'),
      DO_NOT_TRACK: '1',
    };
    const { code, stdout, stderr } = await runProgram(ICP, args, { cwd: project, environment });
    if (code !== 0) throw new Error(`icp ${args.join(' ')}: ${stderr}${stdout}`);
    return stdout + stderr;
  }

  test('network ping --wait-healthy', async () => {
    expect(await icp('network', 'ping', 'local-internode', '--wait-healthy')).toContain('healthy');
  });

  test('canister call', async () => {
    expect(
      await icp(
        'canister',
        'call',
        counter.id,
        'inc',
        '()',
        '-n',
        replica.gatewayUrl,
        '-k',
        replica.rootKey,
      ),
    ).toContain('1');
    expect(
      await icp('canister', 'call', counter.id, 'inc', '()', '-n', 'local-internode'),
    ).toContain('2');
    expect(
      await icp('canister', 'call', counter.id, 'get', '()', '--query', '-n', 'local-internode'),
    ).toContain('2');
  });

  test('canister status', async () => {
    expect(await icp('canister', 'status', counter.id, '-n', 'local-internode')).toContain(
      counter.id,
    );
  });
});
