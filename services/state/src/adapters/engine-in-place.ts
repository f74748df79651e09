import type { HeldMemory, MemoryStore } from '@internode/storage/memory';
import { openedAnswer, served } from '../checkpoint/answers.ts';
import { Engine } from '../checkpoint/engine.ts';
import type { Ask, Work } from '../checkpoint/work.ts';
import type { EngineAnswer, EngineRequest } from '../core/engine.ts';
import type { Row, RowChange } from '../core/task.ts';
import { withChecksum, withoutChecksum } from './checksum.ts';

/** The engine of a store in memory, for worlds that draw when to answer. */
export class EngineInPlace {
  readonly #store: MemoryStore;
  readonly #engine: Engine<HeldMemory>;

  constructor(store: MemoryStore) {
    this.#store = store;
    this.#engine = new Engine({
      hold: () => store.holdNow(),
      release: () => {},
      keep: (name) => {
        store.keepNow(name);
        return undefined;
      },
      kept: () => store.kept,
      holdKept: (name) => store.heldOf(name),
      drop: (name) => store.dropNow(name),
      fill: () => undefined,
    });
  }

  /** Writes a batch with the notes of what it changes. Throws a `StorageFault`. */
  write(batch: readonly RowChange[], { sync }: { readonly sync: boolean }): void {
    this.#write([...batch, ...this.#engine.notes.writing(batch.map(({ key }) => key))], sync);
  }

  #write(batch: readonly RowChange[], sync = false): void {
    try {
      this.#store.writeNow(batch.map(withChecksum), { sync });
    } catch (fault) {
      this.#engine.notes.failed();
      throw fault;
    }
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
    let next = work.next([]);
    while (next.done !== true) {
      try {
        next = work.next(this.#perform(next.value));
      } catch (fault) {
        next = work.throw(fault);
      }
    }
    return next.value;
  }

  #perform(ask: Ask<HeldMemory>): readonly Row[] {
    if (ask.kind === 'read') {
      return ask.held.readNow({ ...ask.range, bytesMax: ask.bytesMax }).map(withoutChecksum);
    }
    if (ask.kind === 'write') {
      const notes = this.#engine.notes.writing(ask.batch.map(({ key }) => key));
      this.#write([...ask.batch, ...notes]);
    }
    return [];
  }
}
