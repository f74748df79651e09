// `internode genesis`: the steps of a ceremony, each from files to files.
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { NodeRecord, SubnetRecord } from '@internode/contracts';
import { loadFastBls, nodeHashEngine } from '@internode/crypto/fast';
import { principalToText, setHashEngine } from '@internode/encoding';
import { toHex } from '@internode/prelude';
import { fingerprint, nodeIn, recordIn, signerOf, writeDocument } from '../ceremony/documents.ts';
import { documentsIn, said } from '../ceremony/files.ts';
import { CEREMONY_KEY, ceremonyKey } from '../ceremony/key.ts';
import {
  checkOwn,
  checkRecord,
  type Dealt,
  digestOf,
  finish,
  makeComplaints,
  makeDealings,
  makeRecord,
  type Operator,
  readComplaints,
  readDealings,
} from '../ceremony/rounds.ts';
import { EPOCH_LENGTH_MIN, isEpochLength } from '../command-line.ts';
import { writeDurably } from '../data-dir.ts';
import { EPOCH_LENGTH, makeNodeSecrets } from '../genesis.ts';
import { nodeIdOf, subnetOf, writeGenesis } from '../member.ts';
import { describeTo, nodeSecretsIn, operatorOf } from '../node-keys.ts';
import { StartFault } from '../start-fault.ts';
import { version } from '../version.ts';
import { dataDirOf, flagsOf } from './flags.ts';

const FLAGS = {
  'data-dir': { type: 'string' },
  address: { type: 'string' },
  listen: { type: 'string' },
  record: { type: 'string' },
  'ceremony-key': { type: 'string' },
  'epoch-length': { type: 'string' },
  out: { type: 'string', short: 'o' },
} as const;

interface Step {
  readonly values: Readonly<Record<string, string | undefined>>;
  readonly files: readonly string[];
  readonly operator: Operator;
  readonly dataDir: string;
}

const STEPS: Readonly<Record<string, (step: Step) => void>> = {
  node,
  record,
  deal,
  complain,
  finish: finishStep,
};

export async function genesis([name = '', ...args]: readonly string[]): Promise<void> {
  const run = STEPS[name];
  if (run === undefined) {
    throw new StartFault(
      `there is no step ${name || '(none)'} in a ceremony`,
      'the steps are node, record, deal, complain, finish: see `internode genesis --help`',
    );
  }
  setHashEngine(nodeHashEngine);
  const { values, positionals } = flagsOf('genesis', args, FLAGS);
  const dataDir = resolve(dataDirOf(values['data-dir']));
  const bls = await loadFastBls();
  const secrets =
    name === 'record' ? makeNodeSecrets(bls) : nodeSecretsIn(dataDir, bls, name !== 'node');
  run({ values, files: positionals, operator: operatorOf(secrets, bls), dataDir });
}

function node({ values, operator, dataDir }: Step): void {
  describeTo({ operator, dataDir, ...values });
}

function record({ values, files, operator }: Step): void {
  const nodes = documentsIn(files).map(({ file, document }) => said(file, nodeIn(document)));
  if (nodes.length === 0)
    throw new StartFault(
      'no node descriptions are given',
      'internode genesis record a.json b.json …',
    );
  const epochLength = Number(values['epoch-length'] ?? EPOCH_LENGTH);
  if (!isEpochLength(epochLength))
    throw new StartFault(
      `--epoch-length ${values['epoch-length']} is not a number of heights from ${EPOCH_LENGTH_MIN} on`,
    );
  const secret = ceremonyKey(values['ceremony-key'] ?? CEREMONY_KEY);
  const terms = { nodes, replicaVersion: version, epochLength };
  const document = said('the record', makeRecord(secret, terms, operator.bls));
  const file = values['out'] ?? 'record.json';
  writeDurably(file, writeDocument(document));
  const made = said(file, recordIn(document));
  console.log(`Record of ${nodes.length} nodes, controlled by ${principalToText(made.controller)}
${membersOf(nodes)}
  fingerprint   ${fingerprint(digestOf(made))}   (every operator compares it before \`deal\`)
  written to    ${file}`);
}

function membersOf(nodes: readonly NodeRecord[]): string {
  return nodes.map(({ nodeId, address }) => `  ${principalToText(nodeId)}   ${address}`).join('\n');
}

function deal({ values, operator, dataDir }: Step): void {
  const agreed = recordFrom(values, operator);
  const own = checkOwn(operator, agreed);
  if (own.kind !== 'valid') throw new StartFault(own.reason, 'ask whoever made the record');
  // Kept, because two different dealings of one node look like a lie.
  const kept = join(dataDir, `dealings-${toHex(digestOf(agreed)).slice(0, 16)}.json`);
  if (!existsSync(kept))
    writeDurably(kept, writeDocument(said('deal', makeDealings(operator, agreed))));
  const file = values['out'] ?? 'dealings.json';
  writeDurably(file, readFileSync(kept, 'utf8'));
  console.log(`Dealings of ${principalToText(nodeIdOf(operator.secrets))} for ${agreed.nodes.length} nodes
  record        ${fingerprint(digestOf(agreed))}   (must be everybody's)
  written to    ${file} (for every operator)`);
}

function complain({ values, files, operator }: Step): void {
  const dealt = dealtFrom(values, files, operator);
  const document = said('complain', makeComplaints(operator, dealt));
  const file = values['out'] ?? 'complaints.json';
  writeDurably(file, writeDocument(document));
  const count = document.parts.length;
  console.log(`${count === 0 ? 'All dealings are good.' : `${count} dealings are bad: their dealers will not count.`}
  dealings      ${fingerprint(dealt.digest)}   (must be everybody's)
  written to    ${file} (for every operator)`);
}

function finishStep({ values, files, operator, dataDir }: Step): void {
  const dealt = dealtFrom(values, files, operator);
  const documents = documentsIn(files).map(({ document }) => document);
  const complaints = said('complaints', readComplaints(dealt, documents, operator.bls));
  const outcome = said('finish', finish(operator, dealt, complaints));
  if (existsSync(join(dataDir, 'journal')))
    throw new StartFault(
      `${dataDir} has run already`,
      'a genesis is made once; choose another --data-dir',
    );
  writeGenesis(dataDir, outcome.summary, outcome.shares);
  const { subnetId, publicKeyDer } = subnetOf(outcome.summary);
  const cheated = outcome.disqualified
    .map((id) => `  disqualified  ${principalToText(id)}\n`)
    .join('');
  console.log(`Genesis of subnet ${principalToText(subnetId)}
${membersOf(dealt.record.nodes)}
${cheated}  root key      ${toHex(publicKeyDer)}
  fingerprint   ${fingerprint(publicKeyDer)}   (must be everybody's)
Start with: internode start --data-dir ${dataDir}`);
}

function recordFrom(values: Step['values'], { bls }: Operator): SubnetRecord {
  const file = values['record'] ?? 'record.json';
  const [found] = documentsIn([file]);
  if (found === undefined) throw new StartFault(`${file} is missing`, 'name it: --record FILE');
  const agreed = said(file, recordIn(found.document));
  const checked = checkRecord(agreed, bls);
  if (checked.kind !== 'valid') throw new StartFault(`${file}: ${checked.reason}`);
  return agreed;
}

function dealtFrom(values: Step['values'], files: readonly string[], operator: Operator): Dealt {
  const agreed = recordFrom(values, operator);
  const documents = documentsIn(files);
  for (const { file, document } of documents) {
    const isMember = agreed.nodes.some(({ nodeId }) => toHex(nodeId) === toHex(signerOf(document)));
    if (!isMember) throw new StartFault(`${file} is by nobody in the record`);
  }
  const all = documents.map(({ document }) => document);
  return said('dealings', readDealings(agreed, all, operator.bls));
}
