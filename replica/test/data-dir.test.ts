import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { prepareDataDir } from '../src/data-dir.ts';

function scratch(): string {
  return mkdtempSync(join(tmpdir(), 'internode-data-'));
}

describe('data directory', () => {
  test('--clean forgets our own entries only', () => {
    const path = scratch();
    prepareDataDir(path, { clean: false });
    writeFileSync(join(path, 'keys.json'), '{}');
    writeFileSync(join(path, 'notes.txt'), 'mine');
    prepareDataDir(path, { clean: false });
    expect(existsSync(join(path, 'keys.json'))).toBe(true);
    prepareDataDir(path, { clean: true });
    expect(existsSync(join(path, 'keys.json'))).toBe(false);
    expect(readFileSync(join(path, 'notes.txt'), 'utf8')).toBe('mine');
  });

  test('another format is refused, unless it may be forgotten', () => {
    const path = scratch();
    writeFileSync(join(path, 'format'), '99\n');
    expect(() => prepareDataDir(path, { clean: false })).toThrow('has format 99');
    prepareDataDir(path, { clean: true });
    expect(readFileSync(join(path, 'format'), 'utf8')).toBe('1\n');
  });
});
