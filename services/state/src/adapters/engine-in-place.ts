import type { HeldMemory, MemoryStore } from '@internode/storage/memory';
import { openedAnswer, served } from '../checkpoint/answers.ts';
import { Engine } from '../checkpoint/engine.ts';
import type { Work } from '../checkpoint/work.ts';
import type { EngineAnswer, EngineRequest } from '../core/engine.ts';
import type { Row } from '../core/task.ts';
import { withChecksum, withoutChecksum } from './checksum.ts';

/** The engine of a store in memory, for worlds that draw when to answer. */
export class EngineInPlace {
  readonly #store: MemoryStore;
  readonly #engine: Engine<HeldMemory>;

  constructor(store: MemoryStore) {
    this.#store = store;
    this.#engine = new Engine({ hold: () => store.holdNow(), release: () => {} });
  }

  writing(keys: Iterable<Uint8Array>): void {
    this.#engine.writing(keys);
  }

  /** Throws a `StorageFault`. Nothing is compressed. */
  call(request: EngineRequest): EngineAnswer {
    if (request.kind === 'serve') return served(this.#run(this.#engine.serve(request.question)));
    if (!('answer' in request)) return this.#run(this.#engine.call(request));
    const opened = openedAnswer(request.answer);
    if (opened.kind !== 'content') return opened;
    if (opened.compressed) return { kind: 'rejected', reason: 'compressed' };
    return this.#run(this.#engine.take(request, opened.content));
  }

  #run<T>(work: Work<HeldMemory, T>): T {
    let rows: readonly Row[] = [];
    for (;;) {
      const next = work.next(rows);
      if (next.done === true) return next.value;
      const ask = next.value;
      rows = [];
      if (ask.kind === 'read') {
        rows = ask.held.readNow({ ...ask.range, bytesMax: ask.bytesMax }).map(withoutChecksum);
      } else this.#store.writeNow(ask.batch.map(withChecksum), { sync: false });
    }
  }
}
