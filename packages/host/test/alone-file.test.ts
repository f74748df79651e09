import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { readAloneFile, writeAloneFile } from '../src/index.ts';

function scratch(): string {
  const dir = fs.mkdtempSync(join(tmpdir(), 'internode-alone-'));
  onTestFinished(() => fs.rmSync(dir, { recursive: true }));
  return join(dir, 'state.json');
}

const FILE = {
  service: 'state',
  place: { subnet: 's', node: 'n' },
  dataDir: '/data',
  bus: { url: 'nats://127.0.0.1:4222', credentialsFile: '/keys/state.nk' },
  log: { format: 'json', level: 'warn' },
  subnet: 'abcd',
  settings: {
    key: Uint8Array.of(0, 255),
    nested: [
      { amount: 2n ** 70n, places: new Map([['a', 'b']]), none: [], hex: 'as text', is: true },
    ],
  },
} as const;

describe('the file of a service alone', () => {
  test('is read as it was written, by its owner only', () => {
    const path = scratch();
    writeAloneFile(path, FILE);
    expect(readAloneFile(path, 'state')).toEqual({ format: 1, ...FILE });
    expect(fs.statSync(path).mode & 0o777).toBe(0o600);
  });

  test('files that are not named in full stand beside it', () => {
    const path = scratch();
    const bus = { url: 'tls://broker:4222', credentialsFile: 'bus.nk', caFile: 'ca.pem' };
    writeAloneFile(path, { ...FILE, bus });
    const folder = dirname(path);
    expect(readAloneFile(path, 'state').bus).toEqual({
      url: bus.url,
      credentialsFile: join(folder, 'bus.nk'),
      caFile: join(folder, 'ca.pem'),
    });
  });

  test('another service, another format, a missing part and a missing file are named', () => {
    const path = scratch();
    expect(() => readAloneFile(path, 'state')).toThrow(path);
    writeAloneFile(path, FILE);
    expect(() => readAloneFile(path, 'beacon')).toThrow('it is for state, not for beacon');
    fs.writeFileSync(path, '{ "format": 2 }');
    expect(() => readAloneFile(path, 'state')).toThrow('format is not 1');
    fs.writeFileSync(path, '{ "format": 1, "service": "state" }');
    expect(() => readAloneFile(path, 'state')).toThrow('it has no "place"');
  });
});
