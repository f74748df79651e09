import { randomBytes } from 'node:crypto';
import type { SubnetRecord } from '@internode/contracts';
import { type BlsEngine, blsPublicKeyToDer, combineSignature, deal } from '@internode/crypto';
import { loadFastBls, nodeSignatures } from '@internode/crypto/fast';
import type { Verdict } from '@internode/prelude';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  DEALING,
  type Document,
  nodeIn,
  readDocument,
  recordIn,
  signDocument,
  writeDocument,
} from '../src/ceremony/documents.ts';
import {
  checkRecord,
  configOf,
  type Dealt,
  describeNode,
  digestOf,
  finish,
  makeComplaints,
  makeDealings,
  makeRecord,
  type Operator,
  readComplaints,
  readDealings,
} from '../src/ceremony/rounds.ts';
import { makeNodeSecrets } from '../src/genesis.ts';
import { nodeIdOf } from '../src/member.ts';

const random = (): Uint8Array => new Uint8Array(randomBytes(32));
const CEREMONY = new Uint8Array(32).fill(5);

let bls: BlsEngine;
let operators: Operator[];
let record: SubnetRecord;

function good<T>(verdict: Verdict<T>): T {
  if (verdict.kind !== 'valid') throw new Error(verdict.reason);
  return verdict.value;
}

function reasonOf(verdict: Verdict<unknown>): string {
  return verdict.kind === 'valid' ? '' : verdict.reason;
}

/** As a file would carry it. */
function carried(document: Document): Document {
  return good(readDocument(writeDocument(document)));
}

beforeAll(async () => {
  bls = await loadFastBls();
  operators = Array.from({ length: 4 }, () => ({ secrets: makeNodeSecrets(bls), bls, random }));
  const nodes = operators.map((operator, index) =>
    good(nodeIn(carried(describeNode(operator, `host${index}:4100`)))),
  );
  const terms = { nodes, replicaVersion: '1', epochLength: 100 };
  record = good(recordIn(carried(good(makeRecord(CEREMONY, terms, bls)))));
  // In the record's order from here on.
  const ids = record.nodes.map(({ nodeId }) => Buffer.from(nodeId).toString('hex'));
  const place = ({ secrets }: Operator) =>
    ids.indexOf(Buffer.from(nodeIdOf(secrets)).toString('hex'));
  operators.sort((a, b) => place(a) - place(b));
});

const dealings = () => operators.map((operator) => carried(good(makeDealings(operator, record))));

function complaintsOn(dealt: Dealt): Document[] {
  return operators.map((operator) => carried(good(makeComplaints(operator, dealt))));
}

function operator(index: number): Operator {
  const found = operators[index];
  if (found === undefined) throw new Error('no such operator');
  return found;
}

/** A dealer whose commitments do not fit the shares that it deals: everybody can prove it. */
function cheatingDealings({ secrets }: Operator): Document {
  const parts = (['low', 'high'] as const).map((key) => {
    let calls = 0;
    const lying: BlsEngine = Object.assign(Object.create(bls) as BlsEngine, {
      sign: (secret: Uint8Array, message: Uint8Array) => bls.sign(secret, message),
      publicKey: (secret: Uint8Array) => {
        calls += 1;
        return bls.publicKey(calls === 2 ? CEREMONY : secret);
      },
    });
    const config = configOf(record, key);
    const request = { config, dealer: nodeIdOf(secrets), nodeSecret: secrets.node };
    const engines = { bls: lying, signatures: nodeSignatures };
    return DEALING.encode(good(deal(engines, { ...request, entropy: random() })));
  });
  return signDocument(secrets.node, { kind: 'dealings', about: [digestOf(record)], parts });
}

describe('a genesis without a dealer', () => {
  test('gives all members one summary, and shares that sign for the subnet together only', () => {
    const dealt = good(readDealings(record, dealings(), bls));
    const complaints = good(readComplaints(dealt, complaintsOn(dealt), bls));
    expect(complaints).toEqual([]);
    const outcomes = operators.map((one) => good(finish(one, dealt, complaints)));
    for (const { summary, disqualified } of outcomes) {
      expect(summary).toEqual(outcomes[0]?.summary);
      expect(disqualified).toEqual([]);
    }
    const { high } = outcomes[0]?.summary.current ?? (undefined as never);
    expect(high.threshold).toBe(3);
    expect(blsPublicKeyToDer(high.groupKey)).toHaveLength(133);
    const message = random();
    const shares = outcomes.map((outcome, index) => ({
      index,
      publicKey: high.shareKeys[index] as Uint8Array,
      signature: bls.sign(outcome.shares.high, message),
    }));
    const combine = (some: typeof shares) =>
      combineSignature(bls, {
        groupPublicKey: high.groupKey,
        threshold: high.threshold,
        message,
        shares: some,
      }).kind;
    expect(combine(shares.slice(1))).toBe('combined');
    expect(combine(shares.slice(2))).toBe('insufficient');
    const keys = outcomes.map(({ shares: own }) => Buffer.from(own.high).toString('hex'));
    expect(new Set(keys).size).toBe(4);
  });

  test('a dealer that cheats is accused by all and does not count; the others go on', () => {
    const documents = dealings();
    documents[2] = cheatingDealings(operator(2));
    const dealt = good(readDealings(record, documents, bls));
    const accusations = complaintsOn(dealt);
    for (const { parts } of accusations) expect(parts).toHaveLength(2);
    const complaints = good(readComplaints(dealt, accusations, bls));
    const outcomes = operators.map((one) => good(finish(one, dealt, complaints)));
    for (const { summary, disqualified } of outcomes) {
      expect(disqualified).toEqual([nodeIdOf(operator(2).secrets)]);
      expect(summary).toEqual(outcomes[0]?.summary);
    }
  });

  test('different dealings for different operators are found out before there are keys', () => {
    const documents = dealings();
    const other = [...documents];
    other[1] = carried(good(makeDealings(operator(1), record)));
    const [seen, seenByOne] = [documents, other].map((all) => good(readDealings(record, all, bls)));
    if (seen === undefined || seenByOne === undefined) throw new Error('no dealings');
    const complaints = complaintsOn(seen);
    complaints[3] = carried(good(makeComplaints(operator(3), seenByOne)));
    expect(reasonOf(readComplaints(seen, complaints, bls))).toMatch(/has seen other dealings/);
    expect(reasonOf(readDealings(record, [...documents, ...other], bls))).toMatch(/two different/);
  });

  test('what is missing is named', () => {
    const documents = dealings();
    expect(reasonOf(readDealings(record, documents.slice(1), bls))).toMatch(
      /dealings of .* missing/,
    );
    const dealt = good(readDealings(record, documents, bls));
    const complaints = complaintsOn(dealt);
    expect(reasonOf(readComplaints(dealt, complaints.slice(1), bls))).toMatch(
      /complaints of .* missing/,
    );
  });

  test('a false complaint accuses its author', () => {
    const documents = dealings();
    const honest = good(readDealings(record, documents, bls));
    documents[2] = cheatingDealings(operator(2));
    const cheated = good(readDealings(record, documents, bls));
    const [accusation] = complaintsOn(cheated);
    if (accusation === undefined) throw new Error('no complaint');
    const { secrets } = operator(0);
    const complaints = complaintsOn(honest);
    const about = [digestOf(record), honest.digest];
    complaints[0] = signDocument(secrets.node, { ...accusation, about });
    expect(reasonOf(readComplaints(honest, complaints, bls))).toMatch(/is false: leave/);
  });

  test('dealings of another record do not count', () => {
    const foreign = { ...record, epochLength: 7 };
    const documents = dealings();
    documents[0] = carried(good(makeDealings(operator(0), foreign)));
    expect(reasonOf(readDealings(record, documents, bls))).toMatch(/another record/);
  });
});

describe('files of a ceremony', () => {
  test('whatever is in them gets a verdict', () => {
    const file = writeDocument(describeNode(operator(0), 'a:1'));
    const fields = JSON.parse(file) as Record<string, unknown>;
    const changed = (change: object) =>
      reasonOf(readDocument(JSON.stringify({ ...fields, ...change })));
    expect(changed({})).toBe('');
    expect(changed({ signature: '00' })).toMatch(/signature/);
    expect(changed({ parts: ['00'] })).toMatch(/signature/);
    expect(changed({ internode: 'genesis record' })).toMatch(/signature/);
    expect(changed({ parts: 7 })).toMatch(/malformed/);
    expect(changed({ internode: 'other' })).toMatch(/not a file of/);
    for (const text of ['', '{', 'null', '[]', '"x"', 'x'.repeat(9 * 1024 * 1024)])
      expect(reasonOf(readDocument(text))).not.toBe('');
  });

  test('a node is described by itself only, a record signed by the controller that it names', () => {
    const { secrets } = operator(1);
    const { parts } = describeNode(operator(0), 'a:1');
    const stolen = signDocument(secrets.node, { kind: 'node', about: [], parts });
    expect(reasonOf(nodeIn(stolen))).toMatch(/not signed by the node/);
    const terms = { nodes: record.nodes, replicaVersion: '1', epochLength: 100 };
    const made = good(makeRecord(CEREMONY, terms, bls));
    const resigned = signDocument(secrets.node, { kind: 'record', about: [], parts: made.parts });
    expect(reasonOf(recordIn(resigned))).toMatch(/not signed by the controller/);
  });

  test('keys that are not proven, ids that are not keys, and addresses that are none are refused', () => {
    const { nodes } = record;
    const [first, second, ...rest] = nodes;
    if (first === undefined || second === undefined) throw new Error('no nodes');
    const verdictOn = (changed: object) =>
      reasonOf(checkRecord({ ...record, nodes: [{ ...first, ...changed }, second, ...rest] }, bls));
    expect(verdictOn({})).toBe('');
    expect(verdictOn({ voteKey: second.voteKey })).toMatch(/vote key/);
    expect(verdictOn({ publicKey: second.publicKey })).toMatch(/id is not its key/);
    expect(verdictOn({ receiverKey: new Uint8Array(32) })).toMatch(/receiver key/);
    expect(verdictOn({ address: 'nowhere' })).toMatch(/host:port/);
    expect(verdictOn({ address: second.address })).toMatch(/same address/);
    expect(reasonOf(checkRecord({ ...record, nodes: [second, first] }, bls))).toMatch(/in order/);
  });
});
