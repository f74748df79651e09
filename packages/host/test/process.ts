// A process of a node with nothing in it: says when it runs and how it ends.
import { openHost } from '../src/index.ts';

await using host = await openHost({
  place: { subnet: 's', node: 'n' },
  dataDir: process.argv[2] ?? '',
});
host.defer(() => console.log('deferred first'));
host.defer(() => console.log('deferred last'));
const keepAlive = setInterval(() => {}, 1000);
console.log('running');
await host.stopped();
clearInterval(keepAlive);
