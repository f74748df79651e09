// A thread that lives one seed after the other, as it is told their numbers.
import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '@internode/prelude';
import { openLives, type Seeds } from './seeds.ts';

const lives = await openLives(workerData as Seeds);
const main = parentPort;
assert(main !== null, 'a worker has a parent');
main.on('message', async (index: number) => {
  const report = await lives.live(lives.seedOf(index), lives.shapeOf(index));
  main.postMessage({ index, report });
});
main.postMessage(undefined);
