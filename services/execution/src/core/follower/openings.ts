/**
 * Opens canisters on a follower. Pages come from the store, which may be older or newer than the follower's tip: it waits until it is as
 * far as what it was told, and lays over that what has changed since.
 */
import { assert, bytesEqual, toHex } from '@internode/prelude';
import { ASK_AGAIN_MS, OPENINGS } from '../../limits.ts';
import type { Absent, ModuleFacts } from '../../sandbox/interface.ts';
import { STABLE_PIECES_PER_PAGE } from '../../wasm/index.ts';
import type { Canister, Code } from '../canister.ts';
import { askFor, type Fiber, solveFor, until } from '../fibers.ts';
import {
  loadHeap,
  moduleKey,
  openedSignal,
  openTask,
  type Raise,
  ROOM_TO_OPEN,
  supplyStable,
  whileOpening,
} from '../loading.ts';
import type { Subnet } from '../subnet.ts';
import type { RecentChanges } from './changes.ts';

const NEXT_HEIGHT = 'next height';
/** A module that state has not heard of yet. */
const MODULE_SOON = 'module soon';

export interface OpeningsOptions {
  readonly subnet: Subnet;
  readonly changes: RecentChanges;
  readonly raise: Raise;
  /** Told when a height is waited for: what holds the tip has to let go. */
  readonly onNeedsHeight: () => void;
}

export class Openings {
  readonly #options: OpeningsOptions;
  #heightsAwaited = 0;

  constructor(options: OpeningsOptions) {
    this.#options = options;
  }

  /** A page cannot be had until the tip moves on. */
  get needsHeight(): boolean {
    return this.#heightsAwaited > 0;
  }

  /** The tip has moved on. */
  moved(): void {
    if (this.#heightsAwaited > 0) this.#options.raise(NEXT_HEIGHT);
  }

  /** After this, the canister is open or has no code. */
  *open(canister: Canister): Fiber {
    const { subnet, raise } = this.#options;
    yield* whileOpening(canister);
    if (canister.open || canister.state.code === undefined) return;
    canister.opening = true;
    while (subnet.opening >= OPENINGS) yield* until(ROOM_TO_OPEN);
    subnet.opening += 1;
    while (!canister.open && subnet.canisters.get(canister.key) === canister) {
      const { code } = canister.state;
      if (code === undefined) break;
      yield* this.#tryToOpen(canister, code);
    }
    canister.opening = false;
    subnet.opening -= 1;
    raise(openedSignal(canister));
    raise(ROOM_TO_OPEN);
  }

  /** What was absent of a stable memory, as it is at the tip. */
  *supply(absent: Absent, met: number): Fiber {
    const { subnet, changes } = this.#options;
    const { newer, done } = changes.watch(toHex(absent.canisterId), 'stable');
    const reach = (height: number) => this.#reach(height);
    yield* supplyStable(subnet.session, absent, met, function* bring(pieces, range, height) {
      yield* reach(height);
      const { from, to } = range;
      return newer.over(pieces, from * STABLE_PIECES_PER_PAGE, to * STABLE_PIECES_PER_PAGE);
    });
    done();
  }

  /** Unless its code changes meanwhile. */
  *#tryToOpen(canister: Canister, before: Code): Fiber {
    const { subnet, changes } = this.#options;
    const { moduleHash } = before;
    const { newer, done } = changes.watch(canister.key, 'heap');
    const { pages, height } = yield* loadHeap(subnet, canister, before);
    yield* this.#reach(height);
    const facts = yield* this.#prepared(moduleHash);
    done();
    const { code } = canister.state;
    const isSame = code !== undefined && bytesEqual(code.moduleHash, moduleHash);
    if (!isSame || facts === undefined) return;
    canister.learn(facts);
    // From here on what changes is said to the sandbox behind this.
    canister.open = true;
    yield* solveFor('opened', openTask(canister, code, newer.over(pages)));
  }

  *#reach(height: number): Fiber {
    const { subnet, onNeedsHeight } = this.#options;
    if (subnet.height >= height) return;
    this.#heightsAwaited += 1;
    onNeedsHeight();
    while (subnet.height < height) yield* until(NEXT_HEIGHT);
    this.#heightsAwaited -= 1;
  }

  /** Undefined when state does not have the module yet. */
  *#prepared(hash: Uint8Array): Fiber<ModuleFacts | undefined> {
    const recent = this.#options.changes.module(hash);
    const content = recent ?? (yield* load(hash));
    if (content === undefined) {
      yield* until(MODULE_SOON, ASK_AGAIN_MS);
      return undefined;
    }
    const { facts } = yield* solveFor('prepared', { kind: 'prepare', wasm: content });
    assert(bytesEqual(facts.hash, hash), 'the store answered with another module');
    return facts;
  }
}

function* load(hash: Uint8Array): Fiber<Uint8Array | undefined> {
  const { content } = yield* askFor('ModuleLoaded', { kind: 'LoadModule', hash }, moduleKey(hash));
  return content;
}
