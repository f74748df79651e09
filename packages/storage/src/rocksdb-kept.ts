/**
 * What a database held at one moment, put aside as a database of its own: links to its tables, which are never written
 * again, and copies of its logs as long as they were. It costs no time and no disk until the database moves on.
 *
 *   kept/<name>   whole, for it was renamed when it was safe
 *   kept/.<name>  on its way; gone at the next start
 */
import * as fs from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { RocksLevel } from '@nxtedition/rocksdb';
import { StorageFault } from './fault.ts';
import type { Held } from './inside.ts';
import { HeldRows } from './rocksdb-held.ts';
import { SHAPE } from './rocksdb-options.ts';
import type { Entry, Range } from './store.ts';

const FOLDER = 'kept';
const ATTEMPTS = 16;
const COPY_BYTES = 4 * 1024 * 1024;

/** The first bytes of a file that grows, or may be deleted by its name. */
interface Growing {
  readonly name: string;
  readonly file: number;
  readonly bytes: number;
}

export class Keeper {
  readonly #path: string;
  readonly #folder: string;
  readonly #opened = new Map<string, Promise<RocksLevel>>();

  constructor(path: string) {
    this.#path = path;
    this.#folder = join(path, FOLDER);
  }

  names(): string[] {
    if (!fs.existsSync(this.#folder)) return [];
    return fs.readdirSync(this.#folder).filter((name) => !name.startsWith('.'));
  }

  /** What the last life did not finish. */
  clear(): void {
    if (!fs.existsSync(this.#folder)) return;
    for (const name of fs.readdirSync(this.#folder).filter((each) => each.startsWith('.'))) {
      fs.rmSync(join(this.#folder, name), { recursive: true });
    }
  }

  /** To be called while nothing is being written; what follows is done beside. */
  async keep(name: string): Promise<void> {
    const unfinished = join(this.#folder, `.${name}`);
    try {
      const growing = this.#capture(unfinished);
      try {
        for (const each of growing) await copyStart(each, join(unfinished, each.name));
      } finally {
        for (const { file } of growing) fs.closeSync(file);
      }
      await syncFolder(unfinished);
      await rename(unfinished, join(this.#folder, name));
      await syncFolder(this.#folder);
    } catch (error) {
      await rm(unfinished, { recursive: true, force: true });
      throw error;
    }
  }

  /** Tables may be replaced while we look: then the manifest has grown, and we look again. */
  #capture(into: string): Growing[] {
    for (let attempt = 1; ; attempt++) {
      fs.rmSync(into, { recursive: true, force: true });
      fs.mkdirSync(into, { recursive: true });
      const growing: Growing[] = [];
      try {
        const current = fs.readFileSync(join(this.#path, 'CURRENT'), 'utf8');
        const manifest = this.#growing(current.trim());
        growing.push(manifest, this.#growing('CURRENT'));
        for (const name of fs.readdirSync(this.#path)) {
          if (name.endsWith('.log')) growing.push(this.#growing(name));
          if (name.endsWith('.sst')) fs.linkSync(join(this.#path, name), join(into, name));
        }
        const isSame =
          fs.fstatSync(manifest.file).size === manifest.bytes &&
          fs.readFileSync(join(this.#path, 'CURRENT'), 'utf8') === current;
        if (isSame) return growing;
        if (attempt === ATTEMPTS) throw new Error('the tables change all the time');
      } catch (error) {
        for (const { file } of growing) fs.closeSync(file);
        const isGone = (error as NodeJS.ErrnoException).code === 'ENOENT';
        if (isGone && attempt < ATTEMPTS) continue;
        throw error;
      }
      for (const { file } of growing) fs.closeSync(file);
    }
  }

  #growing(name: string): Growing {
    const file = fs.openSync(join(this.#path, name), 'r');
    return { name, file, bytes: fs.fstatSync(file).size };
  }

  hold(name: string): Held {
    return new KeptRows(() => this.#open(name));
  }

  #open(name: string): Promise<RocksLevel> {
    const opening = this.#opened.get(name) ?? openKept(join(this.#folder, name));
    this.#opened.set(name, opening);
    return opening;
  }

  async drop(name: string): Promise<void> {
    await this.#close(name);
    await rm(join(this.#folder, name), { recursive: true, force: true });
  }

  async close(): Promise<void> {
    for (const name of [...this.#opened.keys()]) await this.#close(name);
  }

  async #close(name: string): Promise<void> {
    const opening = this.#opened.get(name);
    this.#opened.delete(name);
    await opening?.then((db) => db.close()).catch(() => {});
  }
}

async function openKept(path: string): Promise<RocksLevel> {
  const db = new RocksLevel(path, { keyEncoding: 'buffer', valueEncoding: 'buffer' });
  await db.open({ createIfMissing: false, ...SHAPE });
  return db;
}

/** What was put aside, opened when it is needed. */
class KeptRows implements Held {
  readonly #open: () => Promise<RocksLevel>;
  #rows: HeldRows | undefined;

  constructor(open: () => Promise<RocksLevel>) {
    this.#open = open;
  }

  async read(range: Range & { readonly bytesMax: number }): Promise<Entry[]> {
    if (this.#rows === undefined) {
      const db = await this.#open().catch((error) => {
        throw new StorageFault('corrupt', `what was kept cannot be opened: ${reasonOf(error)}`);
      });
      this.#rows = new HeldRows(db);
    }
    return this.#rows.read(range);
  }

  async close(): Promise<void> {
    await this.#rows?.close();
  }
}

function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  if (cause instanceof Error) return cause.message;
  return error instanceof Error ? error.message : String(error);
}

async function copyStart({ file, bytes }: Growing, to: string): Promise<void> {
  const copy = await open(to, 'w');
  try {
    for (let at = 0; at < bytes; ) {
      const part = await readAt(file, at, Math.min(COPY_BYTES, bytes - at));
      if (part.length === 0) throw new Error(`${to}: shorter than it was`);
      await copy.write(part);
      at += part.length;
    }
    await copy.sync();
  } finally {
    await copy.close();
  }
}

function readAt(file: number, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafeSlow(length);
  return new Promise((resolve, reject) => {
    fs.read(file, buffer, 0, length, position, (error, count) => {
      if (error === null) resolve(buffer.subarray(0, count));
      else reject(error);
    });
  });
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  await folder.sync().finally(() => folder.close());
}
