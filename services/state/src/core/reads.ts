/** Certificates for paths of the certified tree, and the facts that the gateway's permission checks need. */
import type {
  CanisterAccess,
  CertifiedRead,
  DataCertificateRead,
  ReadCertified,
  ReadDataCertificate,
  RequestOwner,
} from '@internode/contracts';
import { encodeWitnessCertificate, type Label, type LabelledTree } from '@internode/hash-tree';
import { bytesEqual, utf8 } from '@internode/prelude';
import { STATE_LIMITS } from '../limits.ts';
import { canisterOfRow, requestOfRow } from './rows.ts';
import type { CertifiedVersion } from './versions.ts';

type Labels = readonly Uint8Array[];

const REQUEST_STATUS = utf8('request_status');
const CANISTER = utf8('canister');
const METADATA = utf8('metadata');
const TIME: readonly Label[] = ['time'];
/** What a read of a whole canister shows. */
const CANISTER_LABELS = [
  'canister_creation_timestamp',
  'controllers',
  'last_install_timestamp',
  'module_hash',
] as const;

export type CertificateQuestion = ReadCertified | ReadDataCertificate;

/** Of the newest version that may be shown, if there is one. */
export function answerToRead(
  version: CertifiedVersion | undefined,
  question: CertificateQuestion,
): CertifiedRead | DataCertificateRead {
  const { readId } = question;
  if (question.kind === 'ReadDataCertificate')
    return version === undefined
      ? noDataCertificate(readId)
      : dataCertificate(version, readId, question.canisterId);
  return version === undefined
    ? refusedRead(readId, 0, 'the replica has no certified state yet')
    : certifiedRead(version, question);
}

/** SYS_TRANSIENT: the same read may succeed later. */
export function refusedRead(readId: Uint8Array, height: number, why: string): CertifiedRead {
  const refusal = { rejectCode: 2, message: why, errorCode: '' };
  return { kind: 'CertifiedRead', readId, height, certificate: new Uint8Array(0), refusal };
}

/**
 * The answer to a read. A path shows what stands at it, with two exceptions: above request ids and above canisters
 * nothing is shown as a whole, and a canister or its metadata as a whole shows neither `certified_data` nor anything
 * private. Who may ask for what is the gateway's business.
 */
function certifiedRead(version: CertifiedVersion, read: ReadCertified): CertifiedRead {
  const { readId } = read;
  const { tree, height } = version;
  const paths = read.paths.map(({ labels }) => labels);
  const fault = faultOf(paths);
  if (fault !== undefined) {
    const refusal = { rejectCode: 4, message: fault, errorCode: '' };
    return { kind: 'CertifiedRead', readId, height, certificate: new Uint8Array(0), refusal };
  }
  const shown = paths.flatMap((path) => shownOf(tree, path));
  const certificate = encodeWitnessCertificate(version, [TIME, ...shown]);
  const facts = read.certificateOnly ? NO_FACTS : factsOf(tree, paths);
  return { kind: 'CertifiedRead', readId, height, certificate, ...facts };
}

/** What `ic0.data_certificate` shows (interface-spec 3.3). */
function dataCertificate(
  version: CertifiedVersion,
  readId: Uint8Array,
  canisterId: Uint8Array,
): DataCertificateRead {
  const path: readonly Label[] = ['canister', canisterId, 'certified_data'];
  const certificate = encodeWitnessCertificate(version, [TIME, path]);
  return { kind: 'DataCertificateRead', readId, height: version.height, certificate };
}

export function noDataCertificate(readId: Uint8Array): DataCertificateRead {
  return { kind: 'DataCertificateRead', readId, height: 0, certificate: new Uint8Array(0) };
}

function faultOf(paths: readonly Labels[]): string | undefined {
  if (paths.length > STATE_LIMITS.pathsMax) return 'too many paths';
  for (const path of paths) {
    const [first] = path;
    if (path.length > STATE_LIMITS.labelsMax) return 'path has too many labels';
    if (first === undefined) return 'the empty path cannot be read';
    if (path.length > 1) continue;
    if (bytesEqual(first, REQUEST_STATUS) || bytesEqual(first, CANISTER)) {
      return 'path names neither request nor canister';
    }
  }
  return undefined;
}

function shownOf(tree: LabelledTree, path: Labels): (readonly Label[])[] {
  const [first, canisterId, below] = path;
  const isBroad = path.length === 2 || (path.length === 3 && isLabel(below, METADATA));
  if (!isLabel(first, CANISTER) || canisterId === undefined || !isBroad) return [path];
  const row = tree.sealedRow(['canister', canisterId]);
  if (row === undefined) return [path];
  const all = canisterOfRow(row).metadata;
  const metadata = all
    .filter((each) => !each.private)
    .map(({ name }) => ['canister', canisterId, 'metadata', utf8(name)]);
  if (path.length === 3) return all.length === 0 ? [path] : metadata;
  return [...CANISTER_LABELS.map((label) => ['canister', canisterId, label]), ...metadata];
}

function isLabel(label: Uint8Array | undefined, name: Uint8Array): boolean {
  return label !== undefined && bytesEqual(label, name);
}

interface Facts {
  readonly requestOwner?: RequestOwner;
  readonly canisterAccess?: CanisterAccess;
}

const NO_FACTS: Facts = {};

/** Of the first request and the first canister among the paths. */
function factsOf(tree: LabelledTree, paths: readonly Labels[]): Facts {
  const request = paths.find(([first]) => isLabel(first, REQUEST_STATUS))?.[1];
  const canister = paths.find(([first]) => isLabel(first, CANISTER))?.[1];
  const requestRow = request && tree.sealedRow(['request_status', request]);
  const canisterRow = canister && tree.sealedRow(['canister', canister]);
  return {
    ...(requestRow && { requestOwner: ownerOf(requestRow) }),
    ...(canisterRow && { canisterAccess: accessOf(canisterRow) }),
  };
}

function ownerOf(row: Uint8Array): RequestOwner {
  const { sender, effectiveCanisterId } = requestOfRow(row);
  return { sender, effectiveCanisterId };
}

function accessOf(row: Uint8Array): CanisterAccess {
  const { controllers, metadata } = canisterOfRow(row);
  const privateMetadata = metadata.filter((each) => each.private).map(({ name }) => name);
  return { controllers, privateMetadata };
}
