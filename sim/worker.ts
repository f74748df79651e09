// A thread that lives one seed after the other, as it is told their numbers.
import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '@internode/prelude';
import { openSeeds, type Seeds } from './seeds.ts';

const life = await openSeeds(workerData as Seeds);
const main = parentPort;
assert(main !== null, 'a worker has a parent');
main.on('message', async (index: number) => {
  const report = await life(index);
  main.postMessage(report);
});
main.postMessage(undefined);
