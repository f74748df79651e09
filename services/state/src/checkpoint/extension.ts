/**
 * The engine in the thread of the store on disk: `RocksStore.open({ path, extension: CHECKPOINTS })`. Reads go ahead on the
 * thread pool; between them others have their turn.
 */
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import * as zlib from 'node:zlib';
import { setHashEngine } from '@internode/encoding';
import { Pool } from '@internode/prelude';
import type { Extension, Held, Inside } from '@internode/storage';
import { withChecksums, withoutChecksum } from '../adapters/checksum.ts';
import type { EngineAnswer, EngineRequest } from '../core/engine.ts';
import type { Row, RowChange } from '../core/task.ts';
import { CHECKPOINT_LIMITS } from '../limits.ts';
import { openedAnswer, served } from './answers.ts';
import { Engine, type Given } from './engine.ts';
import type { ServedPart } from './shelf.ts';
import { Turns } from './turns.ts';
import type { Work } from './work.ts';

const compress = promisify(zlib.zstdCompress);
const decompress = promisify(zlib.zstdDecompress);
const SLAB_BYTES = CHECKPOINT_LIMITS.askedBytesMax + 64 * 1024;
/** Shorter ones may share their memory. */
const FREED_BYTES_MIN = 64 * 1024;
const FASTEST = { params: { [zlib.constants.ZSTD_c_compressionLevel]: 1 } };

const digest = (name: string) => (bytes: Uint8Array) =>
  new Uint8Array(createHash(name).update(bytes).digest());

export function extend(inside: Inside): Extension {
  setHashEngine({ sha256: digest('sha256'), sha224: digest('sha224') });
  const thread = new EngineThread(inside);
  return {
    writing: (keys) => withChecksums(thread.engine.notes.writing(keys)),
    failed: () => thread.engine.notes.failed(),
    call: async (request) => {
      const answer = await thread.call(request as EngineRequest);
      if (answer.kind !== 'served') return { answer };
      // Short ones are encoded into an array that others share.
      const { buffer, byteLength } = answer.answer;
      return buffer.byteLength > byteLength
        ? { answer }
        : { answer, transfer: [buffer as ArrayBuffer] };
    },
  };
}

class EngineThread {
  readonly engine: Engine<Held>;
  readonly #inside: Inside;
  /** Passes over the store, one at a time. */
  #passes: Promise<unknown> = Promise.resolve();
  readonly #applying = new Set<Promise<EngineAnswer>>();
  /** For batches on their way to the store, with their checksums and notes. */
  readonly #slabs = new Pool(() => Buffer.allocUnsafeSlow(SLAB_BYTES));
  readonly #packer = new Packer();
  #turns = new Turns([]);
  /** Reads of what is held, one at a time for each. */
  readonly #reads = new WeakMap<Held, Promise<unknown>>();

  constructor(inside: Inside) {
    this.#inside = inside;
    this.engine = new Engine({
      hold: () => inside.hold(),
      // A read of it may still be under way.
      release: (held) => void this.#afterReads(held, () => held.close()),
      keep: (name) => {
        const keeping = inside.keep(name);
        keeping.catch(() => {});
        return keeping;
      },
      kept: () => inside.kept(),
      holdKept: (name) => inside.holdKept(name),
      drop: (name) => void inside.drop(name).catch(() => {}),
      fill: (isFilling) => inside.fill(isFilling),
    });
  }

  async call(request: EngineRequest): Promise<EngineAnswer> {
    // A state is fetched from its first part until there is one of its own.
    if (request.kind === 'target') this.#inside.yieldToOthers(true);
    switch (request.kind) {
      case 'begin':
      case 'checkpoint': {
        this.#inside.yieldToOthers(false);
        // Held now, read when those before are done.
        const work = this.engine.call(request);
        return this.#pass(() => this.#run(work));
      }
      case 'plan':
        // Of what is there when the last chunk of another plan was applied.
        return this.#pass(async () => {
          await Promise.allSettled(this.#applying);
          const plan = await this.#run(this.engine.call(request));
          if (plan.kind === 'plan')
            this.#turns = new Turns(plan.phases.flat().map(({ indices }) => indices[0] as number));
          return plan;
        });
      case 'serve':
        return this.#packer.pack(await this.#run(this.engine.serve(request.question)));
      case 'target':
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

  async #apply(request: Given): Promise<EngineAnswer> {
    const opened = openedAnswer(request.answer);
    if (opened.kind !== 'content') return opened;
    const content = opened.compressed ? await decompressed(opened.content) : opened.content;
    if (content === undefined) return { kind: 'rejected', reason: 'not compressed as said' };
    const turns = this.#turns;
    const turn = request.kind === 'apply' ? request.indices[0] : undefined;
    // What is not what was asked for is found out about before its turn comes.
    let isApplied = false;
    let answer: EngineAnswer;
    try {
      answer = await this.#run(this.engine.take(request, content), () => turns.come(turn));
      isApplied = answer.kind === 'applied';
    } finally {
      turns.over(turn, isApplied);
    }
    // Parts of manifests are kept.
    if (request.kind === 'apply') free(content);
    return answer;
  }

  async #run<T>(work: Work<Held, T>, mayWrite?: () => Promise<void> | undefined): Promise<T> {
    let next = work.next([]);
    while (next.done !== true) {
      const ask = next.value;
      try {
        let rows: readonly Row[] = [];
        if (ask.kind === 'read') {
          const asked = { ...ask.range, bytesMax: ask.bytesMax };
          const entries = await this.#afterReads(ask.held, () => ask.held.read(asked));
          rows = entries.map(withoutChecksum);
        } else if (ask.kind === 'await') await ask.work;
        else {
          await mayWrite?.();
          await this.#write(ask.batch);
        }
        next = work.next(rows);
      } catch (fault) {
        // Lets the work release what it holds, or go on without.
        next = work.throw(fault);
      }
    }
    return next.value;
  }

  async #write(batch: readonly RowChange[]): Promise<void> {
    const notes = this.engine.notes.writing(batch.map(({ key }) => key));
    const slab = this.#slabs.take();
    const rows = withChecksums([...batch, ...notes], slab);
    await this.#inside.write(rows, { sync: false }).finally(() => this.#slabs.giveBack(slab));
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

/**
 * Gives memory back at once. Left to the collector, each twenty megabytes of a sync make it go through all that lives, which costs more
 * than hashes and checksums together.
 */
function free({ buffer, byteLength }: Uint8Array): void {
  if (byteLength < FREED_BYTES_MIN) return;
  try {
    (buffer as ArrayBuffer).transfer(0);
  } catch {
    // Then it is left to the collector.
  }
}

/** Compresses parts that become much smaller by it. */
class Packer {
  /** Parts that go without a trial: twice as many after each one in vain. */
  #untried = 0;
  #rest = 0;

  async pack(answer: ServedPart): Promise<EngineAnswer> {
    const { part, giveBack } = answer;
    try {
      const isPacked = typeof part !== 'string' && this.#isWorthWhile(part);
      return isPacked ? served({ part: await compress(part, FASTEST) }, true) : served(answer);
    } finally {
      giveBack?.();
    }
  }

  #isWorthWhile(part: Uint8Array): boolean {
    const { compressedBytesMin, compressedPartMax, untriedMax } = CHECKPOINT_LIMITS;
    if (part.length < compressedBytesMin) return false;
    if (this.#rest > 0) {
      this.#rest -= 1;
      return false;
    }
    const sample = part.subarray(0, compressedBytesMin);
    const isSmaller =
      zlib.zstdCompressSync(sample, FASTEST).length <= sample.length * compressedPartMax;
    this.#untried = isSmaller ? 0 : Math.min(untriedMax, 2 * this.#untried + 1);
    this.#rest = this.#untried;
    return isSmaller;
  }
}

async function decompressed(content: Uint8Array): Promise<Uint8Array | undefined> {
  const maxOutputLength = CHECKPOINT_LIMITS.askedBytesMax;
  try {
    return await decompress(content, { maxOutputLength });
  } catch {
    return undefined;
  }
}
