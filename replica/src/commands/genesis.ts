// `internode genesis`: the steps of a ceremony, each from files to files.
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { NodeRecord, SubnetRecord } from '@internode/contracts';
import { loadFastBls, nodeHashEngine } from '@internode/crypto/fast';
import { principalToText, setHashEngine } from '@internode/encoding';
import { lockDataDir } from '@internode/host';
import { fromHex, isHex, toHex, type Verdict } from '@internode/prelude';
import {
  DOCUMENT_BYTES_MAX,
  type Document,
  fingerprint,
  nodeIn,
  readDocument,
  recordIn,
  signerOf,
  writeDocument,
} from '../ceremony/documents.ts';
import {
  checkOwn,
  checkRecord,
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
} from '../ceremony/rounds.ts';
import { DEFAULT_DATA_DIR, EPOCH_LENGTH_MIN, isEpochLength } from '../command-line.ts';
import { prepareDataDir, writeDurably } from '../data-dir.ts';
import { EPOCH_LENGTH, makeNodeSecrets, nodeRecordOf } from '../genesis.ts';
import {
  isMemberDir,
  nodeIdOf,
  readNodeSecrets,
  subnetOf,
  writeGenesis,
  writeNodeSecrets,
  writePeerPlaces,
} from '../member.ts';
import { StartFault } from '../start-fault.ts';
import { version } from '../version.ts';

const SECRET_MODE = 0o600;
const KEY_BYTES = 32;

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
  const { values, positionals } = flagsOf(args);
  const dataDir = resolve(
    values['data-dir'] ?? process.env['INTERNODE_DATA_DIR'] ?? DEFAULT_DATA_DIR,
  );
  const bls = await loadFastBls();
  const random = (): Uint8Array => new Uint8Array(randomBytes(KEY_BYTES));
  const secrets = name === 'record' ? makeNodeSecrets(bls) : secretsIn(dataDir, name, bls);
  run({ values, files: positionals, operator: { secrets, bls, random }, dataDir });
}

function flagsOf(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: FLAGS, allowPositionals: true });
  } catch (fault) {
    throw new StartFault((fault as Error).message, 'see `internode genesis --help`');
  }
}

function secretsIn(dataDir: string, step: string, bls: Operator['bls']) {
  if (isMemberDir(dataDir)) return readNodeSecrets(dataDir);
  if (step !== 'node') {
    throw new StartFault(
      `${dataDir} has no keys of a node`,
      'begin with `internode genesis node`, or name the directory: --data-dir DIR',
    );
  }
  if (existsSync(join(dataDir, 'keys.json'))) {
    throw new StartFault(
      `${dataDir} is the data directory of a single replica`,
      'choose another one for this node: --data-dir DIR',
    );
  }
  const secrets = makeNodeSecrets(bls);
  mkdirSync(dataDir, { recursive: true });
  const unlock = lockDataDir(dataDir);
  try {
    prepareDataDir(dataDir, { clean: false });
    writeNodeSecrets(dataDir, secrets);
  } finally {
    unlock();
  }
  return secrets;
}

function node({ values, operator, dataDir }: Step): void {
  const { address, listen, out } = values;
  if (address === undefined)
    throw new StartFault(
      '--address is missing: where other nodes reach this one',
      'for example --address node1.example.org:4100',
    );
  const { secrets, bls } = operator;
  const own = nodeRecordOf(secrets, address, bls);
  const checked = checkRecord({ ...EMPTY_RECORD, nodes: [own] }, bls);
  if (checked.kind !== 'valid') throw new StartFault(checked.reason);
  if (listen !== undefined) writePeerPlaces(dataDir, { listen, addresses: {} });
  const file = out ?? 'node.json';
  writeDurably(file, writeDocument(describeNode(operator, address)));
  console.log(`Node ${principalToText(own.nodeId)}
  secrets       ${join(dataDir, 'node.json')} (never leave this machine)
  description   ${file} (for whoever makes the record)`);
}

const EMPTY_RECORD: SubnetRecord = {
  version: 1,
  nodes: [],
  controller: new Uint8Array(0),
  replicaVersion: '',
  halted: false,
  epochLength: 0,
};

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
  const secret = ceremonyKey(values['ceremony-key'] ?? 'ceremony-key.json');
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

/** Made at the first call. Whoever holds it may change the subnet's members later. */
function ceremonyKey(file: string): Uint8Array {
  if (!existsSync(file)) {
    const note = 'The ceremony key: whoever has it may change the members of the subnet.';
    const secret = toHex(new Uint8Array(randomBytes(KEY_BYTES)));
    writeDurably(file, `${JSON.stringify({ note, secret }, null, 2)}\n`, SECRET_MODE);
  }
  const { secret } = JSON.parse(readFileSync(file, 'utf8')) as { readonly secret?: unknown };
  if (typeof secret !== 'string' || !isHex(secret) || secret.length !== 2 * KEY_BYTES)
    throw new StartFault(
      `${file} is not a ceremony key`,
      'restore it, or name another file: --ceremony-key FILE',
    );
  return fromHex(secret);
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

function documentsIn(files: readonly string[]): { file: string; document: Document }[] {
  return files.map((file) => {
    let text: string;
    try {
      if (statSync(file).size > DOCUMENT_BYTES_MAX) throw new Error('it is too large');
      text = readFileSync(file, 'utf8');
    } catch (fault) {
      throw new StartFault(`${file} cannot be read: ${(fault as Error).message}`);
    }
    return { file, document: said(file, readDocument(text)) };
  });
}

/** What a file says, or the end with its name. */
function said<T>(file: string, verdict: Verdict<T>): T {
  if (verdict.kind === 'valid') return verdict.value;
  throw new StartFault(`${file}: ${verdict.reason}`);
}
