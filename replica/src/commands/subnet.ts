// `internode subnet`: who the members are, and the controller's ways to change that.
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { join, resolve } from 'node:path';
import type { NodeRecord, SubnetRecord } from '@internode/contracts';
import { loadFastBls, nodeHashEngine } from '@internode/crypto/fast';
import { principalToText, setHashEngine } from '@internode/encoding';
import { compareBytes } from '@internode/prelude';
import { nodeIn } from '../ceremony/documents.ts';
import { documentsIn, said } from '../ceremony/files.ts';
import { CEREMONY_KEY, readCeremonyKey } from '../ceremony/key.ts';
import { checkRecord } from '../ceremony/rounds.ts';
import { writeInvitation } from '../joining.ts';
import { hostAndPort, readGenesis, subnetOf } from '../member.ts';
import { replicaDir } from '../network-dir.ts';
import { readReplicaConfig } from '../replica-config.ts';
import { StartFault } from '../start-fault.ts';
import { dataDirOf, flagsOf } from './flags.ts';
import {
  type Controller,
  membersInForce,
  openController,
  readRecord,
  setRecord,
} from './record.ts';

const FLAGS = {
  'ceremony-key': { type: 'string' },
  'data-dir': { type: 'string' },
  url: { type: 'string' },
  genesis: { type: 'string' },
  out: { type: 'string', short: 'o' },
  wait: { type: 'boolean' },
  unchecked: { type: 'boolean' },
  json: { type: 'boolean' },
  'replica-version': { type: 'string' },
  halted: { type: 'string' },
  'epoch-length': { type: 'string' },
} as const;

type Values = Readonly<Record<string, string | boolean | undefined>>;

interface Request {
  readonly values: Values;
  readonly positionals: readonly string[];
  readonly dataDir: string;
}

const WAIT_POLL_MS = 500;
const REACH_MS = 3_000;

const VERBS: Readonly<Record<string, (request: Request) => Promise<void>>> = {
  show,
  invite,
  add,
  remove,
  set,
};

export async function subnet([verb = '', ...args]: readonly string[]): Promise<void> {
  const run = VERBS[verb];
  if (run === undefined)
    throw new StartFault(
      `internode subnet cannot ${verb || '(nothing)'}`,
      'it can show, invite, add, remove, set: see `internode subnet --help`',
    );
  setHashEngine(nodeHashEngine);
  const { values, positionals } = flagsOf('subnet', args, FLAGS);
  const dataDir = resolve(dataDirOf(values['data-dir']));
  await run({ values, positionals, dataDir });
}

async function show(request: Request): Promise<void> {
  const controller = await controllerOf(request, false);
  const inForce = await membersInForce(controller);
  const record = controller.secret === undefined ? undefined : await readRecord(controller);
  if (request.values['json'] === true) {
    const shown = record === undefined ? {} : { record: viewOf(record) };
    return console.log(
      JSON.stringify({ subnetId: controller.subnetId, members: inForce, ...shown }),
    );
  }
  console.log(`Subnet ${controller.subnetId}\n  ${inForce.length} members in force`);
  for (const nodeId of inForce) console.log(`    ${nodeId}`);
  if (record !== undefined) console.log(textOf(record, inForce));
}

/** Before the nodes are added, so that they run by then. */
async function invite(request: Request): Promise<void> {
  const controller = await controllerOf(request, true);
  const record = raised(withNodes(await readRecord(controller), describedIn(request)));
  const file = String(request.values['out'] ?? 'invitation.json');
  writeInvitation(file, { genesis: readGenesis(genesisDir(request)), record });
  if (request.values['json'] === true)
    return console.log(JSON.stringify({ record: viewOf(record), invitation: file }));
  console.log(`An invitation for ${request.positionals.length} nodes: ${file}
Their operators: internode node join, internode start. When they run: internode subnet add ${request.positionals.join(' ')}`);
}

async function add(request: Request): Promise<void> {
  const added = describedIn(request);
  // Members that do not run count as faulty ones, and more of those than the subnet bears stop it for good.
  if (request.values['unchecked'] !== true) await Promise.all(added.map(mustRun));
  const changed = await change(request, (record) => withNodes(record, added));
  report(request, changed);
  await settled(request, changed);
}

function describedIn({ positionals }: Request): NodeRecord[] {
  const nodes = documentsIn(positionals).map(({ file, document }) => said(file, nodeIn(document)));
  if (nodes.length > 0) return nodes;
  throw new StartFault('which nodes? name their NODE.json files', 'see `internode node --help`');
}

function withNodes(record: SubnetRecord, added: readonly NodeRecord[]): SubnetRecord {
  const known = new Set(record.nodes.map(nameOf));
  const again = added.find((node) => known.has(nameOf(node)));
  if (again !== undefined) throw new StartFault(`${nameOf(again)} is in the record already`);
  const nodes = sorted([...record.nodes, ...added]);
  return { ...record, nodes };
}

function raised(record: SubnetRecord): SubnetRecord {
  return { ...record, version: record.version + 1 };
}

async function mustRun(node: NodeRecord): Promise<void> {
  const answers = await new Promise<boolean>((resolve) => {
    const { host, port } = hostAndPort(node.address);
    const socket = connect({ host, port, timeout: REACH_MS });
    const end = (reached: boolean): void => {
      socket.destroy();
      resolve(reached);
    };
    socket.once('connect', () => end(true));
    socket.once('timeout', () => end(false));
    socket.once('error', () => end(false));
  });
  if (answers) return;
  throw new StartFault(
    `nobody answers at ${node.address}, the address of ${nameOf(node)}: added now, it might be a member before it can do its part`,
    'first `internode subnet invite`, `internode node join`, `internode start`; --unchecked when only members can reach it',
  );
}

async function remove(request: Request): Promise<void> {
  const { positionals } = request;
  if (positionals.length === 0)
    throw new StartFault('which nodes? internode subnet remove NODE-ID…');
  const changed = await change(request, (record) => {
    const gone = new Set(positionals.map((text) => nodeNamed(record, text)));
    return { ...record, nodes: record.nodes.filter((node) => !gone.has(node)) };
  });
  report(request, changed);
  await settled(request, changed);
}

async function set(request: Request): Promise<void> {
  const { values } = request;
  const [version, halted, length] = ['replica-version', 'halted', 'epoch-length'].map((flag) =>
    values[flag] === undefined ? undefined : String(values[flag]),
  );
  if (version === undefined && halted === undefined && length === undefined)
    throw new StartFault('set what? --replica-version, --halted or --epoch-length');
  if (halted !== undefined && halted !== 'true' && halted !== 'false')
    throw new StartFault(`--halted ${halted} is neither true nor false`);
  if (values['wait'] === true)
    throw new StartFault(
      'subnet set cannot --wait: of what is in force the subnet certifies the members only',
      'what is set is in force from the third epoch on',
    );
  const epochLength = Number(length);
  if (length !== undefined && !(Number.isInteger(epochLength) && epochLength > 0))
    throw new StartFault(`--epoch-length ${length} is not a number of heights`);
  const changed = await change(request, (record) => ({
    ...record,
    ...(version !== undefined && { replicaVersion: version }),
    ...(halted !== undefined && { halted: halted === 'true' }),
    ...(length !== undefined && { epochLength }),
  }));
  report(request, changed);
}

interface Changed {
  readonly controller: Controller;
  readonly record: SubnetRecord;
}

async function change(
  request: Request,
  by: (record: SubnetRecord) => SubnetRecord,
): Promise<Changed> {
  const controller = await controllerOf(request, true);
  const record = raised(by(await readRecord(controller)));
  const checked = checkRecord(record, await loadFastBls());
  if (checked.kind !== 'valid') throw new StartFault(checked.reason);
  await setRecord(controller, record);
  return { controller, record };
}

/** Waits until the certified tree shows the members of the record. */
async function settled(request: Request, { controller, record }: Changed): Promise<void> {
  if (request.values['wait'] !== true) return;
  const wanted = record.nodes.map(nameOf).sort().join();
  // A member that leaves shows what is old: ask for as long as it takes, the caller may stop it.
  while ((await membersInForce(controller)).toSorted().join() !== wanted)
    await new Promise((resolve) => setTimeout(resolve, WAIT_POLL_MS));
  if (request.values['json'] !== true) console.log('  in force');
}

function report({ values }: Request, { record }: Changed): void {
  if (values['json'] === true) return console.log(JSON.stringify({ record: viewOf(record) }));
  console.log(`Record ${record.version} of ${record.nodes.length} nodes is accepted; in force from the third epoch from now on
${record.nodes.map((node) => `    ${nameOf(node)}   ${node.address}`).join('\n')}`);
}

function textOf(record: SubnetRecord, inForce: readonly string[]): string {
  const names = record.nodes.map(nameOf);
  const lines = record.nodes.map((node) => {
    const mark = inForce.includes(nameOf(node)) ? '' : '   comes';
    return `    ${nameOf(node)}   ${node.address}${mark}`;
  });
  const leaving = inForce
    .filter((name) => !names.includes(name))
    .map((name) => `    ${name}   leaves`);
  const { version, controller, replicaVersion, halted, epochLength } = record;
  return `  record ${version}, controlled by ${principalToText(controller)}
    epoch length ${epochLength}, version ${replicaVersion || 'any'}${halted ? ', HALTED' : ''}
${[...lines, ...leaving].join('\n')}`;
}

function viewOf(record: SubnetRecord) {
  const { version, nodes, controller, replicaVersion, halted, epochLength } = record;
  return {
    version,
    controller: principalToText(controller),
    replicaVersion,
    halted,
    epochLength,
    nodes: nodes.map((node) => ({ nodeId: nameOf(node), address: node.address })),
  };
}

function nodeNamed({ nodes }: SubnetRecord, text: string): NodeRecord {
  const found = nodes.filter((node) => nameOf(node).startsWith(text));
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  throw new StartFault(
    found.length === 0
      ? `${text} is not in the record`
      : `${text} begins the names of several nodes`,
    'see `internode subnet show`',
  );
}

function sorted(nodes: readonly NodeRecord[]): NodeRecord[] {
  return nodes.toSorted((a, b) => compareBytes(a.nodeId, b.nodeId));
}

function nameOf({ nodeId }: NodeRecord): string {
  return principalToText(nodeId);
}

function genesisDir({ values, dataDir }: Request): string {
  const named = values['genesis'];
  if (named !== undefined) return resolve(String(named), '..');
  const found = [dataDir, replicaDir(dataDir, 0)].find((dir) =>
    existsSync(join(dir, 'genesis.json')),
  );
  if (found !== undefined) return found;
  throw new StartFault(
    `no genesis.json in ${dataDir}: whoever joins needs it`,
    'copy it from any member (it is public) and name it: --genesis FILE',
  );
}

async function controllerOf(request: Request, needsKey: boolean): Promise<Controller> {
  const { values, dataDir } = request;
  const config = readReplicaConfig(dataDir);
  const url = values['url'] === undefined ? config?.gatewayUrl : String(values['url']);
  if (url === undefined)
    throw new StartFault(`no replica is known in ${dataDir}`, 'name a member: --url http://…');
  const named = values['ceremony-key'];
  const candidates =
    named === undefined ? [join(dataDir, CEREMONY_KEY), resolve(CEREMONY_KEY)] : [String(named)];
  const file = candidates.find((path) => existsSync(path));
  if (file === undefined && needsKey)
    throw new StartFault(
      `no ceremony key in ${candidates.join(', ')}`,
      "only the subnet's controller can change its record: --ceremony-key FILE",
    );
  const secret = file === undefined ? undefined : readCeremonyKey(file);
  return openController({ url, secret, subnetId: config?.subnetId ?? subnetIn(request) });
}

function subnetIn(request: Request): string {
  return principalToText(subnetOf(readGenesis(genesisDir(request))).subnetId);
}
