import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openDataDir } from '../src/data-dir.ts';

function scratch(): string {
  return mkdtempSync(join(tmpdir(), 'internode-data-'));
}

describe('data directory', () => {
  test('is refused while another live process holds it, named by pid', () => {
    const path = scratch();
    const first = openDataDir(path, { clean: false });
    expect(() => openDataDir(path, { clean: false })).toThrow(`in use by process ${process.pid}`);
    first.release();
    openDataDir(path, { clean: false }).release();
  });

  test('a lock left by a killed process is taken over', async () => {
    const path = scratch();
    const child = spawn(process.execPath, ['-e', '']);
    await new Promise((resolve) => child.on('exit', resolve));
    writeFileSync(join(path, 'lock'), `${child.pid} 1\n`);
    openDataDir(path, { clean: false }).release();
  });

  test('a pid that was reused by a later process does not hold the lock', () => {
    const path = scratch();
    writeFileSync(join(path, 'lock'), `${process.pid} 1\n`);
    openDataDir(path, { clean: false }).release();
  });

  test('--clean forgets our own entries only', () => {
    const path = scratch();
    openDataDir(path, { clean: false }).release();
    writeFileSync(join(path, 'keys.json'), '{}');
    writeFileSync(join(path, 'notes.txt'), 'mine');
    openDataDir(path, { clean: true }).release();
    expect(existsSync(join(path, 'keys.json'))).toBe(false);
    expect(readFileSync(join(path, 'notes.txt'), 'utf8')).toBe('mine');
  });

  test('another format is refused, and the lock is not left behind', () => {
    const path = scratch();
    writeFileSync(join(path, 'format'), '99\n');
    expect(() => openDataDir(path, { clean: false })).toThrow('has format 99');
    expect(existsSync(join(path, 'lock'))).toBe(false);
  });
});
