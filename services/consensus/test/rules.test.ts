// Each rule on a pool of four built by hand; member 0 is "me".
import type { Ingress } from '@internode/contracts';
import { sha256 } from '@internode/encoding';
import { utf8 } from '@internode/prelude';
import { describe, expect, test } from 'vitest';
import type { Action } from '../src/core/action.ts';
import {
  type Block,
  hashOfBlock,
  hashOfPayload,
  payloadOf,
  type VotePurpose,
} from '../src/core/artifact.ts';
import { Epochs, summaryAtGenesis } from '../src/core/epochs.ts';
import { recordOf } from '../src/core/intake.ts';
import type { BlockRecord } from '../src/core/pool.ts';
import { aggregator } from '../src/core/rules/aggregator.ts';
import { blockMaker } from '../src/core/rules/block-maker.ts';
import { catchUp } from '../src/core/rules/catch-up.ts';
import { deliverer } from '../src/core/rules/deliverer.ts';
import { finalizer } from '../src/core/rules/finalizer.ts';
import { notary, notaryDelayMs } from '../src/core/rules/notary.ts';
import { purger } from '../src/core/rules/purger.ts';
import { State } from '../src/core/state.ts';
import { CONSENSUS_LIMITS, LOCAL_PARAMETERS } from '../src/index.ts';

const members = Array.from({ length: 4 }, (_, i) => ({
  nodeId: Uint8Array.of(i),
  publicKey: new Uint8Array(44),
}));
const value = new Uint8Array(48);
const roles = { makers: [0, 1], committee: new Set([0, 1, 2, 3]) };

function call(name: string, expiryNanos: bigint): Ingress {
  return {
    requestId: sha256(utf8(name)),
    envelope: utf8(name),
    expiryNanos,
    effectiveCanisterId: utf8('c'),
  };
}

class Table {
  readonly state: State;

  constructor(parameters = LOCAL_PARAMETERS) {
    const subnetId = utf8('s');
    const genesis = summaryAtGenesis({ subnetId, registryVersion: 1, members });
    this.state = new State(new Epochs({ subnetId, nodeId: Uint8Array.of(0) }, genesis), parameters);
    this.state.started = true;
    this.state.settled = true;
    this.at(0);
    this.state.notarizedMs = 0;
    for (let height = 0; height < 100; height += 1)
      this.state.beacons.set(height, { roles, receivedMs: 0, value });
  }

  at(ms: number): this {
    this.state.now = { ms, unixNanos: 1_000_000_000_000n + BigInt(ms) * 1_000_000n };
    return this;
  }

  block(parent: BlockRecord, rank: number, ...names: readonly string[]): BlockRecord {
    const payload = payloadOf(names.map((name) => call(name, 1n << 60n)));
    const block: Block = {
      height: parent.block.height + 1,
      parent: parent.hash,
      rank,
      registryVersion: 1,
      certifiedHeight: 0,
      timeNanos: parent.block.timeNanos + 1n,
      payloadHash: hashOfPayload(payload),
    };
    const proposal = {
      block,
      payload,
      maker: Uint8Array.of(roles.makers[rank] as number),
      signature: new Uint8Array(64),
    };
    const record = recordOf(this.state.epochs.subnetOf(block.height), proposal, hashOfBlock(block));
    this.state.pool.addBlock(record);
    return record;
  }

  certify(purpose: VotePurpose, record: BlockRecord): void {
    const certificate = { height: record.block.height, blockHash: record.hash, signatures: [] };
    this.state.pool.addCertificate(purpose, record.key, certificate);
  }

  vote(purpose: VotePurpose, record: BlockRecord, ...signers: number[]): void {
    for (const signer of signers) {
      this.state.pool.addVote(purpose, {
        height: record.block.height,
        key: record.key,
        signer,
        signature: new Uint8Array(64),
      });
    }
  }

  get base(): BlockRecord {
    return this.state.pool.notarizedBlocks(0)[0] as BlockRecord;
  }

  /** A chain of notarised (and final) blocks. */
  chain(length: number, final: boolean): BlockRecord {
    let tip = this.base;
    for (let i = 0; i < length; i += 1) {
      tip = this.block(tip, 0);
      this.certify('notarization', tip);
      if (final) this.certify('finalization', tip);
    }
    return tip;
  }
}

function first(actions: readonly Action[]): Action | undefined {
  return actions[0];
}

describe('notary', () => {
  test('votes for the lowest rank, in falling rank when a better block comes late', () => {
    const table = new Table();
    const second = table.block(table.base, 1);
    expect(first(notary(table.at(10).state))).toEqual({ kind: 'look-again', atMs: 1_000 });
    expect(first(notary(table.at(1_000).state))).toMatchObject({
      kind: 'vote',
      blockHash: second.hash,
    });
    table.state.pool.ownAt(1).notarizations.add(second.key);
    expect(notary(table.state)).toEqual([]);
    const best = table.block(table.base, 0);
    expect(first(notary(table.state))).toMatchObject({ kind: 'vote', blockHash: best.hash });
    table.state.pool.ownAt(1).notarizations.add(best.key);
    expect(notary(table.state)).toEqual([]);
  });

  test('passes over a maker that was caught with two blocks', () => {
    const table = new Table();
    table.block(table.base, 0, 'a');
    const second = table.block(table.base, 1);
    const hash = new Uint8Array(32);
    table.state.pool.addEquivocation(0, {
      maker: Uint8Array.of(0),
      height: 1,
      firstHash: hash,
      firstSignature: hash,
      secondHash: hash,
      secondSignature: hash,
    });
    expect(first(notary(table.at(2_000).state))).toMatchObject({
      kind: 'vote',
      blockHash: second.hash,
    });
  });

  test('keeps the promise of a finalisation vote from before a restart', () => {
    const table = new Table();
    table.block(table.base, 0);
    table.state.pool.ownAt(1).finalization = 'another block';
    expect(notary(table.at(5_000).state)).toEqual([]);
  });

  test('the delay grows with rank, with heights that are not final, and with the lag of certification', () => {
    const table = new Table({ ...LOCAL_PARAMETERS, initialNotaryDelayMs: 300 });
    expect(notaryDelayMs(table.state, 0)).toBe(300);
    expect(notaryDelayMs(table.state, 2)).toBe(2_300);
    table.chain(2, false);
    expect(notaryDelayMs(table.state, 0)).toBe(300);
    expect(notaryDelayMs(table.state, 1)).toBe(300 + 1_000 * 1.5 ** 2);
    const lagging = new Table();
    lagging.chain(3, true);
    expect(notaryDelayMs(lagging.state, 0)).toBe(CONSENSUS_LIMITS.lagDelayMinMs);
  });

  test('stops at the hard gap between notarisation and certification', () => {
    const table = new Table();
    const tip = table.chain(CONSENSUS_LIMITS.hardGap, false);
    table.block(tip, 0);
    table.state.beacons.set(CONSENSUS_LIMITS.hardGap, { roles, receivedMs: 0, value });
    expect(notary(table.at(1e9).state)).toEqual([]);
    expect(blockMaker(table.state)).toEqual([]);
    table.state.certified = 1;
    expect(first(notary(table.state))).toMatchObject({ kind: 'vote' });
  });

  test('waits for the beacon, and does not vote outside the committee', () => {
    const table = new Table();
    table.block(table.base, 0);
    table.state.beacons.delete(0);
    expect(notary(table.at(10).state)).toEqual([]);
    table.state.beacons.set(0, {
      value,
      roles: { ...roles, committee: new Set([1, 2, 3]) },
      receivedMs: 0,
    });
    expect(notary(table.state)).toEqual([]);
  });
});

describe('finalizer', () => {
  test('votes when one block is notarised and no other has its notarisation vote', () => {
    const table = new Table();
    const block = table.block(table.base, 0);
    table.certify('notarization', block);
    expect(first(finalizer(table.state))).toMatchObject({
      kind: 'vote',
      purpose: 'finalization',
      blockHash: block.hash,
    });
    table.state.pool.ownAt(1).notarizations.add(block.key);
    expect(finalizer(table.state)).toHaveLength(1);
    table.state.pool.ownAt(1).finalization = block.key;
    expect(finalizer(table.state)).toEqual([]);
  });

  test('not when two blocks are notarised, nor after a vote for another', () => {
    const table = new Table();
    const block = table.block(table.base, 0);
    const rival = table.block(table.base, 1);
    table.certify('notarization', block);
    table.state.pool.ownAt(1).notarizations.add(rival.key);
    expect(finalizer(table.state)).toEqual([]);
    const other = new Table();
    other.certify('notarization', other.block(other.base, 0));
    other.certify('notarization', other.block(other.base, 1));
    expect(finalizer(other.state)).toEqual([]);
  });

  test('a height that cannot be final by itself becomes so with its descendant', () => {
    const table = new Table();
    const one = table.block(table.base, 0);
    const two = table.block(table.base, 1);
    table.certify('notarization', one);
    table.certify('notarization', two);
    const child = table.block(two, 0);
    table.certify('notarization', child);
    expect(first(finalizer(table.state))).toMatchObject({ height: 2 });
    table.certify('finalization', child);
    expect(table.state.pool.finalized).toBe(2);
    expect(table.state.pool.finalBlock(1)?.key).toBe(two.key);
  });

  test('two final chains are a broken invariant', () => {
    const table = new Table();
    const one = table.block(table.base, 0);
    const two = table.block(table.base, 1);
    table.certify('notarization', one);
    table.certify('notarization', two);
    table.certify('finalization', one);
    const child = table.block(two, 0);
    table.certify('notarization', child);
    expect(() => table.certify('finalization', child)).toThrow('P2');
  });
});

describe('aggregator', () => {
  test('needs a quorum of three of four, and sorts the signers', () => {
    const table = new Table();
    const block = table.block(table.base, 0);
    table.vote('notarization', block, 3, 1);
    expect(aggregator(table.state)).toEqual([]);
    table.vote('notarization', block, 0);
    const [action] = aggregator(table.state);
    expect(action).toMatchObject({ kind: 'certify', purpose: 'notarization' });
    if (action?.kind !== 'certify') throw new Error('no certificate');
    expect(action.certificate.signatures.map(({ signer }) => signer[0])).toEqual([0, 1, 3]);
    table.certify('notarization', block);
    expect(aggregator(table.state)).toEqual([]);
    table.vote('finalization', block, 0, 1, 2);
    expect(first(aggregator(table.state))).toMatchObject({
      kind: 'certify',
      purpose: 'finalization',
    });
  });
});

describe('block maker', () => {
  test('rank 1 proposes when its time has come and rank 0 has not', () => {
    const table = new Table();
    for (const height of [0, 1])
      table.state.beacons.set(height, {
        roles: { ...roles, makers: [1, 0] },
        receivedMs: 0,
        value,
      });
    table.state.tip = { height: 0, workPending: true, nextTimerNanos: undefined };
    expect(first(blockMaker(table.at(10).state))).toEqual({ kind: 'look-again', atMs: 1_000 });
    expect(first(blockMaker(table.at(1_000).state))).toMatchObject({
      kind: 'propose',
      block: { rank: 1, height: 1 },
    });
    // A valid better block takes its turn away.
    const payload = payloadOf([]);
    const block: Block = {
      height: 1,
      parent: table.base.hash,
      rank: 0,
      registryVersion: 1,
      certifiedHeight: 0,
      timeNanos: 1n,
      payloadHash: hashOfPayload(payload),
    };
    const proposal = { block, payload, maker: Uint8Array.of(1), signature: new Uint8Array(64) };
    table.state.pool.addBlock(
      recordOf(table.state.epochs.subnetOf(1), proposal, hashOfBlock(block)),
    );
    expect(blockMaker(table.state)).toEqual([]);
  });

  test('builds on the lowest rank, with time, certified height and messages that rise above the parent', () => {
    const table = new Table();
    const second = table.block(table.base, 1);
    const best = table.block(table.base, 0, 'a');
    table.certify('notarization', second);
    table.certify('notarization', best);
    for (const name of ['a', 'b'])
      table.state.ingress.offer(call(name, table.state.now.unixNanos + 1n));
    const [action] = blockMaker(table.state);
    if (action?.kind !== 'propose') throw new Error('no proposal');
    expect(action.block.parent).toEqual(best.hash);
    expect(action.block.timeNanos).toBeGreaterThan(best.block.timeNanos);
    expect(action.payload.ingress.map(({ envelope }) => envelope)).toEqual([utf8('b')]);
    // The clock standing still does not stop time.
    table.state.now = { ms: 0, unixNanos: 0n };
    table.state.tip = { height: 1, workPending: true, nextTimerNanos: undefined };
    const [still] = blockMaker(table.state);
    expect(still?.kind === 'propose' && still.block.timeNanos).toBe(best.block.timeNanos + 1n);
  });

  test("a canister's timer wakes it when it is due, and not again and again when it is due already", () => {
    const table = new Table();
    const { unixNanos } = table.state.now;
    table.state.tip = { height: 0, workPending: false, nextTimerNanos: unixNanos + 30_000_000n };
    expect(first(blockMaker(table.state))).toEqual({ kind: 'look-again', atMs: 31 });
    // Due, but as rank 1 there is still a second to wait.
    for (const height of [0, 1])
      table.state.beacons.set(height, {
        roles: { ...roles, makers: [1, 0] },
        receivedMs: 0,
        value,
      });
    table.state.tip = { height: 0, workPending: false, nextTimerNanos: unixNanos };
    expect(first(blockMaker(table.at(10).state))).toEqual({ kind: 'look-again', atMs: 1_000 });
  });

  test('waits until a block of several calls is certified, and the longer the fuller it was', () => {
    for (const [messages, waitMs] of [
      [1, 0],
      [3, 2],
      [9, 8],
      [50, 30],
      [500, 30],
    ] as const) {
      const table = new Table();
      const names = Array.from({ length: messages }, (_, i) => `call ${i}`);
      table.certify('notarization', table.block(table.base, 0, ...names));
      table.at(20).state.ingress.offer(call('next', table.state.now.unixNanos + 1n));
      const [before] = blockMaker(table.state);
      if (messages === 1) expect(before).toMatchObject({ kind: 'propose' });
      else
        expect(before).toEqual({ kind: 'look-again', atMs: LOCAL_PARAMETERS.certifiedWaitMaxMs });
      Object.assign(table.at(0).state, { certified: 1, certifiedMs: 0 });
      const [action] = blockMaker(table.state);
      // No call has come for 10 ms: all who were answered have come again.
      if (waitMs === 0) expect(action).toMatchObject({ kind: 'propose' });
      else expect(action).toEqual({ kind: 'look-again', atMs: waitMs });
    }
  });

  test('stops when the state has not committed for long', () => {
    const table = new Table();
    table.state.tip = { height: 0, workPending: true, nextTimerNanos: undefined };
    table.state.delivered = CONSENSUS_LIMITS.uncommittedHeightsMax;
    expect(blockMaker(table.at(5_000).state)).toEqual([]);
  });
});

describe('deliverer, catch-up, purger', () => {
  test('delivers in order, and only with the tape', () => {
    const table = new Table();
    table.chain(2, true);
    table.state.tapes.set(2, utf8('tape'));
    expect(deliverer(table.state)).toEqual([]);
    table.state.tapes.set(1, utf8('tape'));
    expect(deliverer(table.state)).toEqual([{ kind: 'deliver', height: 1 }]);
  });

  test('asks for what is missing, again only after a while', () => {
    const table = new Table();
    table.chain(1, true);
    table.state.beacons.delete(1);
    expect(catchUp(table.state)).toMatchObject([
      { kind: 'ask', message: { kind: 'RequestBeacon', height: 1 } },
      { kind: 'ask', message: { kind: 'RequestTape', height: 1 } },
    ]);
    table.state.asked.set('beacon', 0);
    table.state.asked.set('tape', 0);
    expect(catchUp(table.state).every((action) => action.kind === 'look-again')).toBe(true);
    table.at(CONSENSUS_LIMITS.askAgainMs);
    expect(catchUp(table.state).every((action) => action.kind === 'ask')).toBe(true);
  });

  test('keeps the minimum chain for peers that lag', () => {
    const table = new Table();
    table.chain(60, true);
    table.state.delivered = 60;
    table.state.certified = 55;
    expect(purger(table.state)).toEqual([{ kind: 'purge', below: 5 }]);
    table.state.pool.purgeBelow(5);
    expect(table.state.pool.lowest).toBe(5);
    expect(purger(table.state)).toEqual([]);
  });
});
