// The ceremony as four operators play it with the command, each in a directory of its own, and the errors they may make.
import { copyFileSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { currentClient } from '../runner/clients.ts';
import { counterInterface } from '../runner/interfaces.ts';
import { motokoModule } from '../runner/modules.ts';
import { freePorts } from '../runner/ports.ts';
import { runInternode, scratchDir, startReplica } from '../runner/replica.ts';

const OPERATORS = [0, 1, 2, 3];
const folder = scratchDir();
const at = (name: string): string => join(folder, name);
const all = (kind: string): string[] => OPERATORS.map((index) => at(`${kind}${index}.json`));

async function genesis(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runInternode(['genesis', ...args]);
  if (code !== 0) throw new Error(stderr);
  return stdout;
}

const step = (name: string, index: number, ...rest: string[]): Promise<string> =>
  genesis(name, '--data-dir', at(`d${index}`), '--record', at('record.json'), ...rest);

describe('a ceremony of four operators', () => {
  beforeAll(async () => {
    const ports = await freePorts(OPERATORS.length);
    for (const index of OPERATORS) {
      const address = `127.0.0.1:${ports[index]}`;
      const out = at(`n${index}.json`);
      await genesis('node', '--data-dir', at(`d${index}`), '--address', address, '--out', out);
    }
    const key = ['--ceremony-key', at('key.json')];
    await genesis('record', ...all('n'), ...key, '--out', at('record.json'));
  });

  test('gives everyone the same subnet and nobody its key', async () => {
    for (const index of OPERATORS) await step('deal', index, '--out', at(`deal${index}.json`));
    for (const index of OPERATORS)
      await step('complain', index, ...all('deal'), '--out', at(`complain${index}.json`));
    const texts = await Promise.all(
      OPERATORS.map((index) => step('finish', index, ...all('deal'), ...all('complain'))),
    );
    const fingerprints = texts.map((text) => /root key +([0-9a-f]+)/.exec(text)?.[1]);
    expect(new Set(fingerprints).size).toBe(1);
    expect(fingerprints[0]).toMatch(/^[0-9a-f]{266}$/);
    const genesisFiles = OPERATORS.map((index) =>
      readFileSync(at(`d${index}/genesis.json`), 'utf8'),
    );
    expect(new Set(genesisFiles).size).toBe(1);
    const shares = OPERATORS.map((index) => readFileSync(at(`d${index}/shares.json`), 'utf8'));
    expect(new Set(shares).size).toBe(4);
    for (const name of ['node.json', 'shares.json'])
      expect(statSync(at(`d0/${name}`)).mode & 0o777).toBe(0o600);
  });

  test('the subnet lives: its members certify calls with a key that nobody has', async () => {
    const replicas = await Promise.all(
      OPERATORS.map((index) => startReplica({ dataDir: at(`d${index}`) })),
    );
    try {
      const [first, ...others] = replicas;
      if (first === undefined) throw new Error('no replica');
      for (const { rootKey } of others) expect(rootKey).toBe(first.rootKey);
      const client = await currentClient.open(first);
      const { id } = await client.deploy(counterInterface, motokoModule('counter.mo'));
      for (const [index, replica] of replicas.entries()) {
        const there = (await currentClient.open(replica)).actor(counterInterface, id);
        expect(await there['inc']?.()).toBe(BigInt(index + 1));
      }
    } finally {
      await Promise.all(replicas.map((replica) => replica.stop()));
    }
  });

  test('dealing again gives the same file: two different ones would be a lie', async () => {
    await step('deal', 2, '--out', at('again.json'));
    expect(readFileSync(at('again.json'), 'utf8')).toBe(readFileSync(at('deal2.json'), 'utf8'));
  });

  test('errors say what is wrong, and with which file', async () => {
    await expect(genesis('dance')).rejects.toThrow(
      /steps are node, record, deal, complain, finish/,
    );
    await expect(genesis('deal', '--data-dir', at('nowhere'))).rejects.toThrow(
      /has no keys of a node/,
    );
    await expect(step('complain', 0, ...all('deal').slice(1))).rejects.toThrow(
      /dealings of .* are missing/,
    );
    const text = readFileSync(at('deal1.json'), 'utf8');
    const last = text.lastIndexOf('"signature": "') + 14;
    const flipped = text[last] === '0' ? '1' : '0';
    writeFileSync(at('bad.json'), text.slice(0, last) + flipped + text.slice(last + 1));
    await expect(step('complain', 0, at('bad.json'))).rejects.toThrow(
      /bad.json: its signature does not verify/,
    );
    copyFileSync(at('n0.json'), at('stranger.json'));
    await expect(step('complain', 0, at('missing.json'))).rejects.toThrow(
      /missing.json cannot be read/,
    );
    await expect(genesis('node', '--data-dir', at('d0'))).rejects.toThrow(/--address is missing/);
    await expect(
      genesis('node', '--data-dir', at('d0'), '--address', 'nowhere', '--out', at('x.json')),
    ).rejects.toThrow(/host:port/);
    expect(existsSync(at('x.json'))).toBe(false);
  });

  test('an unfinished ceremony does not start, and says so', async () => {
    await genesis('node', '--data-dir', at('d9'), '--address', 'a:1', '--out', at('n9.json'));
    const started = await runInternode(['start', '--port', '0', '--data-dir', at('d9')]);
    expect(started.code).toBe(1);
    expect(started.stderr).toMatch(/ceremony is not finished/);
    const cleaned = await runInternode(['start', '--clean', '--port', '0', '--data-dir', at('d0')]);
    expect(cleaned.stderr).toMatch(/would lose the keys/);
    expect(existsSync(at('d0/node.json'))).toBe(true);
  });

  test('the help shows every step', async () => {
    const { stdout } = await runInternode(['genesis', '--help']);
    for (const name of ['node', 'record', 'deal', 'complain', 'finish'])
      expect(stdout).toContain(name);
  });
});
