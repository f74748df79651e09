// A process that takes profiles of itself on request, busy in two threads.
import { Worker } from 'node:worker_threads';
import { answerProfiles } from '../src/index.ts';

answerProfiles(process.argv[2] ?? '');

function burn(): void {
  const untilMs = performance.now() + 10;
  while (performance.now() < untilMs);
}

const aside = new Worker(`${burn}; setInterval(burn, 5);`.replaceAll('burn', 'burnAside'), {
  eval: true,
  name: 'aside',
});
setInterval(burn, 5);
aside.once('online', () => process.send?.('ready'));
// Whoever started it is gone.
process.once('disconnect', () => process.exit());
