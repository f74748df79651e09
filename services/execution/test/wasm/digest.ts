/**
 * Prints one hash over everything observable of many executions: results, counts, traps, changed
 * pages, globals. Whatever code V8 generates, the hash must be the same.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { installed } from './canisters.ts';

const hash = createHash('sha256');

for (const file of process.argv.slice(2)) {
  const made = installed(readFileSync(file));
  for (let round = 0; round < 3; round++) {
    for (const method of made.info.updates.filter(
      (name) => !name.startsWith('_') && !name.startsWith('@'),
    )) {
      for (const limit of [40e9, 30_000 + round * 7_919, 500]) {
        const result = made.run(`canister_update ${method}`, limit);
        hash.update(JSON.stringify([method, result, made.host.reply]));
        const changes = made.instance.pendingChanges();
        for (const { index, bytes } of changes.pages) hash.update(String(index)).update(bytes);
        hash.update(changes.globals).update(String(changes.memoryPages));
        if (result.kind === 'returned') made.instance.commit();
        else made.instance.rollback();
      }
    }
  }
}
console.log(hash.digest('hex'));
