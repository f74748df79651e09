// A process whose disk is full when its store is opened for being filled: says on stdout how that went. It waits for a line before it is.
//   node filler.ts PATH
import * as fs from 'node:fs';
import { utf8 } from '@internode/prelude';
import { RocksStore } from '../src/rocksdb.ts';
import type { Told } from './held-extension.ts';

function say(text: string): void {
  fs.writeSync(1, `${text}\n`);
}

const extension = new URL('./held-extension.ts', import.meta.url);
const store = await RocksStore.open({ path: process.argv[2] ?? '', extension });
const tell = (told: Told) =>
  store.call(told).then(
    () => 'done',
    (fault) => String(fault.code),
  );
// All of it is in the log; a table is made of it when it is opened again.
for (let i = 0; i < 1_000; i++) {
  const key = utf8(`k${String(i).padStart(4, '0')}`);
  await store.write([{ key, value: new Uint8Array(1_000).fill(i) }], { sync: false });
}
say('written');
await new Promise((resolve) => process.stdin.once('data', resolve));
process.stdin.destroy();
say(`fill ${await tell({ kind: 'fill', isFilling: true })}`);
say(`hold ${await tell({ kind: 'hold', name: 'x' })}`);
while ((await tell({ kind: 'hold', name: 'y' })) !== 'done')
  await new Promise((resolve) => setTimeout(resolve, 50));
say(`write ${await tell({ kind: 'write', key: 'l', value: 'l' })}`);
const rows = await store.range({ gte: utf8('k'), lt: utf8('m'), limit: 2_000 });
say(`rows ${rows.length}`);
await store.close();
say('end');
