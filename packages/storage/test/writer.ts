// A process to be killed: writes as fast as it can and says on stdout what is safe.
//   node writer.ts journal|store PATH
import * as fs from 'node:fs';
import { FileJournal } from '../src/index.ts';
import { RocksStore } from '../src/rocksdb.ts';

const [what, path = ''] = process.argv.slice(2);

function say(text: string): void {
  fs.writeSync(1, `${text}\n`);
}

/** Entry `n` and the value of key `n`: `n`, then bytes that follow from it. */
function contentOf(n: number): Uint8Array {
  const bytes = new Uint8Array(8 + ((n * 37) % 3000)).fill(n & 255);
  new DataView(bytes.buffer).setUint32(0, n);
  return bytes;
}

if (what === 'journal') {
  const journal = FileJournal.open({ path, onFault: (fault) => say(`fault ${fault.code}`) });
  let n = 0;
  journal.replay(() => {
    n += 1;
  });
  let safe = n;
  const saySafe = (count: number): void => {
    safe = count;
    say(`safe ${count}`);
  };
  const more = (): void => {
    const entry = n++;
    if (entry % 500 === 499) {
      const all = Array.from({ length: entry + 1 }, (_, i) => contentOf(i));
      journal.compact(all, () => saySafe(entry + 1));
    } else {
      journal.append(contentOf(entry), () => saySafe(entry + 1));
    }
    if (n - safe > 300) setTimeout(more, 20);
    else if (n % 20 === 0) setImmediate(more);
    else more();
  };
  more();
} else {
  const store = await RocksStore.open({ path });
  const last = await store.get(Uint8Array.of(0));
  let n = last === undefined ? 0 : new DataView(last.buffer, last.byteOffset).getUint32(0) + 1;
  for (;;) {
    const key = new Uint8Array(5);
    key[0] = 1;
    new DataView(key.buffer).setUint32(1, n);
    const content = contentOf(n);
    const batch = [
      { key, value: content },
      { key: Uint8Array.of(0), value: content },
    ];
    const written = await store.write(batch, { sync: true }).then(
      () => true,
      (fault) => {
        say(`fault ${fault.code} ${fault.message}`);
        return false;
      },
    );
    if (written) say(`safe ${++n}`);
    else await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
