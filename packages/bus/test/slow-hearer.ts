// A process that hears, and on demand does nothing for a while: a slow consumer, as the broker sees it.
import { NatsBus } from '../src/nats.ts';

const [url = '', subject = '', pauseMs = '0'] = process.argv.slice(2);
const bus = await NatsBus.connect({ url });
bus.subscribe(subject, ({ id }) => {
  process.send?.(id);
  if (id === 'pause') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Number(pauseMs));
});
await bus.ready();
process.on('disconnect', () => process.exit());
process.send?.('ready');
