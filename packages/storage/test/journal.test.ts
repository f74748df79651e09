import * as fs from 'node:fs';
import { join } from 'node:path';
import { utf8 } from '@internode/prelude';
import { describe, expect, test } from 'vitest';
import { journalCompliance } from '../src/compliance.ts';
import { FileJournal, type StorageFault } from '../src/index.ts';
import { MemoryJournal } from '../src/memory.ts';
import { flipBit, temporaryDir } from './temporary.ts';

journalCompliance('memory', async () => {
  const journal = new MemoryJournal((sync) => setTimeout(sync, Math.random()));
  return {
    open: async () => journal,
    end: async (how) => {
      while (how === 'clean' && journal.unsyncedCount > 0) {
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      journal.crash(Math.floor(journal.unsyncedCount / 2));
    },
  };
});

const HEADER = 20;
const FRAME_HEADER = 24;

function openAt(path: string, faults: StorageFault[] = []): FileJournal {
  return FileJournal.open({ path, onFault: (fault) => faults.push(fault) });
}

journalCompliance('file', async () => {
  const path = join(temporaryDir(), 'a', 'journal');
  let generation = 0;
  let current = path;
  let journal: FileJournal;
  return {
    open: async () => {
      journal = openAt(current);
      return journal;
    },
    end: async (how) => {
      if (how === 'clean') return journal.close();
      // The disk as a power cut would leave it: a copy, taken while writes may be under way, its tail torn.
      generation += 1;
      const bytes = fs.readFileSync(current);
      current = `${path}.${generation}`;
      fs.writeFileSync(current, Buffer.concat([bytes, bytes.subarray(HEADER, HEADER + 30)]));
    },
  };
});

function append(journal: FileJournal, text: string): Promise<void> {
  return new Promise((resolve) => journal.append(utf8(text), resolve));
}

function textsOf(journal: FileJournal): string[] {
  const texts: string[] = [];
  journal.replay((entry) => texts.push(new TextDecoder().decode(entry)));
  return texts;
}

/** Three frames of one entry each, not sealed: as a killed process leaves them. */
async function threeEntries(): Promise<string> {
  const path = join(temporaryDir(), 'journal');
  const journal = openAt(path);
  for (const text of ['one', 'two', 'three']) await append(journal, text);
  return path;
}

describe('file journal', () => {
  test('a tail torn at any byte is dropped, the rest stays and can be written on', async () => {
    const path = await threeEntries();
    const whole = fs.readFileSync(path);
    const lastFrame = HEADER + 2 * (FRAME_HEADER + 4 + 3);
    for (let length = lastFrame; length < whole.length; length++) {
      const torn = `${path}.${length}`;
      fs.writeFileSync(torn, whole.subarray(0, length));
      const journal = openAt(torn);
      expect(textsOf(journal)).toEqual(['one', 'two']);
      await append(journal, 'four');
      await journal.close();
      const again = openAt(torn);
      expect(textsOf(again)).toEqual(['one', 'two', 'four']);
      await again.close();
    }
  });

  test('a last frame full of zeros is dropped', async () => {
    const path = await threeEntries();
    const bytes = fs.readFileSync(path);
    bytes.fill(0, HEADER + 2 * (FRAME_HEADER + 4 + 3));
    fs.writeFileSync(path, bytes);
    expect(textsOf(openAt(path))).toEqual(['one', 'two']);
  });

  test('damage before the last frame is refused at every byte, with what to do', async () => {
    const path = await threeEntries();
    const end = HEADER + 2 * (FRAME_HEADER + 4 + 3);
    for (let offset = 0; offset < end; offset++) {
      const damaged = `${path}.${offset}`;
      fs.copyFileSync(path, damaged);
      flipBit(damaged, offset);
      expect(() => openAt(damaged), `byte ${offset}`).toThrow(/is damaged .* Restore .* --clean/);
    }
  });

  test('damage to the last frame of a journal that was closed is refused', async () => {
    const path = join(temporaryDir(), 'journal');
    const journal = openAt(path);
    await append(journal, 'only');
    await journal.close();
    flipBit(path, HEADER + FRAME_HEADER + 5);
    expect(() => openAt(path)).toThrow('is damaged at byte 20');
  });

  test('content that looks like a frame is not taken for one', async () => {
    const path = await threeEntries();
    const frames = fs.readFileSync(path).subarray(HEADER);
    const other = join(temporaryDir(), 'journal');
    const journal = openAt(other);
    await append(journal, 'first');
    await new Promise<void>((resolve) => journal.append(new Uint8Array(frames), resolve));
    const torn = fs.readFileSync(other);
    flipBit(other, torn.length - 1);
    expect(textsOf(openAt(other))).toEqual(['first']);
  });

  test('a compaction that did not finish leaves the old journal', async () => {
    const path = await threeEntries();
    fs.writeFileSync(`${path}.new`, 'half a journal');
    const journal = openAt(path);
    expect(textsOf(journal)).toEqual(['one', 'two', 'three']);
    expect(fs.existsSync(`${path}.new`)).toBe(false);
    await journal.close();
  });

  test('groups what waits into few syncs', async () => {
    const path = join(temporaryDir(), 'journal');
    const journal = openAt(path);
    const all = Array.from({ length: 1000 }, (_, i) => append(journal, `entry ${i}`));
    await Promise.all(all);
    const frames = fs.readFileSync(path).toString('latin1').split('IJFR').length - 1;
    expect(frames).toBeLessThan(10);
    await journal.close();
  });
});
