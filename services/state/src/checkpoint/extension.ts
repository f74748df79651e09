/**
 * The engine in the thread of the store on disk: `RocksStore.open({ path, extension: CHECKPOINTS })`. Reads go ahead on the
 * thread pool; between them others have their turn.
 */
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import * as zlib from 'node:zlib';
import { setHashEngine } from '@internode/encoding';
import type { Extension, Held, Inside } from '@internode/storage';
import { withChecksum, withoutChecksum } from '../adapters/checksum.ts';
import type { EngineAnswer, EngineRequest } from '../core/engine.ts';
import type { Row } from '../core/task.ts';
import { CHECKPOINT_LIMITS } from '../limits.ts';
import { Engine } from './engine.ts';
import type { Work } from './work.ts';

const compress = promisify(zlib.zstdCompress);
const decompress = promisify(zlib.zstdDecompress);
const FASTEST = { params: { [zlib.constants.ZSTD_c_compressionLevel]: 1 } };

const digest = (name: string) => (bytes: Uint8Array) =>
  new Uint8Array(createHash(name).update(bytes).digest());

export function extend(inside: Inside): Extension {
  setHashEngine({ sha256: digest('sha256'), sha224: digest('sha224') });
  const thread = new EngineThread(inside);
  return {
    writing: (keys) => thread.engine.writing(keys),
    call: async (request) => {
      const answer = await thread.call(request as EngineRequest);
      const isGiven = answer.kind === 'served' && answer.isGiven === true;
      return { answer, ...(isGiven && { transfer: [answer.content.buffer as ArrayBuffer] }) };
    },
  };
}

class EngineThread {
  readonly engine: Engine<Held>;
  readonly #inside: Inside;
  /** Passes over the store, one at a time. */
  #passes: Promise<unknown> = Promise.resolve();
  readonly #applying = new Set<Promise<EngineAnswer>>();
  /** Reads of what is held, one at a time for each. */
  readonly #reads = new WeakMap<Held, Promise<unknown>>();

  constructor(inside: Inside) {
    this.#inside = inside;
    this.engine = new Engine({
      hold: () => inside.hold(),
      // A read of it may still be under way.
      release: (held) => void this.#afterReads(held, () => held.close()),
    });
  }

  async call(request: EngineRequest): Promise<EngineAnswer> {
    switch (request.kind) {
      case 'checkpoint': {
        // Held now, read when those before are done.
        const work = this.engine.call(request);
        return this.#pass(() => this.#run(work));
      }
      case 'plan':
        // Of what is there when the last chunk of another plan was applied.
        return this.#pass(async () => {
          await Promise.allSettled(this.#applying);
          return this.#run(this.engine.call(request));
        });
      case 'serve':
        return compressed(await this.#run(this.engine.call(request)));
      case 'target-part':
      case 'apply': {
        const applied = this.#apply(request);
        this.#applying.add(applied);
        return applied.finally(() => this.#applying.delete(applied));
      }
      default:
        return this.#run(this.engine.call(request));
    }
  }

  #pass(begin: () => Promise<EngineAnswer>): Promise<EngineAnswer> {
    const pass = this.#passes.then(begin);
    this.#passes = pass.catch(() => {});
    return pass;
  }

  async #apply(request: Extract<EngineRequest, { compressed: boolean }>): Promise<EngineAnswer> {
    const { content, compressed: isCompressed } = request;
    const plain = isCompressed ? await decompressed(content) : content;
    if (plain === undefined) return { kind: 'rejected', reason: 'not compressed as said' };
    return this.#run(this.engine.call({ ...request, content: plain }));
  }

  async #run(work: Work<Held, EngineAnswer>): Promise<EngineAnswer> {
    let next = work.next([]);
    while (next.done !== true) {
      const ask = next.value;
      try {
        let rows: readonly Row[] = [];
        if (ask.kind === 'read') {
          const asked = { ...ask.range, bytesMax: ask.bytesMax };
          const entries = await this.#afterReads(ask.held, () => ask.held.read(asked));
          rows = entries.map(withoutChecksum);
        } else await this.#inside.write(ask.batch.map(withChecksum), { sync: false });
        next = work.next(rows);
      } catch (fault) {
        // Lets the work release what it holds.
        work.throw(fault);
        throw fault;
      }
    }
    return next.value;
  }

  #afterReads<T>(held: Held, then: () => Promise<T>): Promise<T> {
    const before = this.#reads.get(held) ?? Promise.resolve();
    const result = before.then(then);
    this.#reads.set(
      held,
      result.catch(() => {}),
    );
    return result;
  }
}

/** Compressed when that makes it much smaller. */
async function compressed(answer: EngineAnswer): Promise<EngineAnswer> {
  const { compressedBytesMin, compressedPartMax } = CHECKPOINT_LIMITS;
  if (answer.kind !== 'served' || answer.content.length < compressedBytesMin) return answer;
  const sample = answer.content.subarray(0, compressedBytesMin);
  const tried = zlib.zstdCompressSync(sample, FASTEST).length;
  if (tried > sample.length * compressedPartMax) return answer;
  const content = await compress(answer.content, FASTEST);
  return { ...answer, content: new Uint8Array(content), isGiven: true, compressed: true };
}

async function decompressed(content: Uint8Array): Promise<Uint8Array | undefined> {
  const maxOutputLength = CHECKPOINT_LIMITS.askedBytesMax;
  try {
    return await decompress(content, { maxOutputLength });
  } catch {
    return undefined;
  }
}
