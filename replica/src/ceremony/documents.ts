// What operators send each other in a ceremony: JSON files, each signed by whoever made it, and worth nothing until checked.
// Whatever is in them, `read…` answers with a verdict.
import {
  type Complaint,
  contract,
  type Dealing,
  decodeComplaint,
  decodeDealing,
  decodeNodeRecord,
  encodeComplaint,
  encodeDealing,
  encodeNodeRecord,
  type NodeRecord,
  type SubnetRecord,
} from '@internode/contracts';
import { nodeSignatures } from '@internode/crypto/fast';
import { principalToText, selfAuthenticating, separator, sha256 } from '@internode/encoding';
import {
  bytesEqual,
  fromHex,
  invalid,
  isHex,
  joinBytes,
  toHex,
  type Verdict,
  valid,
} from '@internode/prelude';
import { RECORD } from '../forms.ts';

export const NODE = contract('NodeRecord', 'types', 'node', encodeNodeRecord, decodeNodeRecord);
export const DEALING = contract('Dealing', 'types', 'dealing', encodeDealing, decodeDealing);
export const COMPLAINT = contract(
  'Complaint',
  'types',
  'complaint',
  encodeComplaint,
  decodeComplaint,
);

/** A subnet of 500 with two dealings of 60 KB in hexadecimal is far below. */
export const DOCUMENT_BYTES_MAX = 8 * 1024 * 1024;
/** Parts of one document: two dealings, or complaints against every dealer of two keys. */
const PARTS_MAX = 2_048;

export type DocumentKind = 'node' | 'record' | 'dealings' | 'complaints';

/** Any of them: `parts` are encoded messages, `about` what they refer to, signed together. */
export interface Document {
  readonly kind: DocumentKind;
  /** DER of the Ed25519 key that signed. */
  readonly publicKey: Uint8Array;
  /** Of a node nothing; of a record nothing; of dealings the record's digest; of complaints also a digest of all dealings. */
  readonly about: readonly Uint8Array[];
  readonly parts: readonly Uint8Array[];
  readonly signature: Uint8Array;
}

export function signDocument(
  secret: Uint8Array,
  content: Pick<Document, 'kind' | 'about' | 'parts'>,
): Document {
  const publicKey = nodeSignatures.ed25519PublicKey(secret);
  const signature = nodeSignatures.signEd25519(secret, messageOf(content));
  return { ...content, publicKey, signature };
}

function messageOf({ kind, about, parts }: Pick<Document, 'kind' | 'about' | 'parts'>) {
  const list = (items: readonly Uint8Array[]): Uint8Array =>
    joinBytes([numberBytes(items.length), ...items.map((item) => sha256(item))]);
  return joinBytes([separator(`internode-genesis-${kind}`), list(about), list(parts)]);
}

function numberBytes(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

/** Who signed: a node, or the ceremony key. */
export function signerOf({ publicKey }: Pick<Document, 'publicKey'>): Uint8Array {
  return selfAuthenticating(publicKey);
}

export function writeDocument(document: Document): string {
  const { kind, publicKey, about, parts, signature } = document;
  const fields = {
    internode: `genesis ${kind}`,
    signer: principalToText(signerOf(document)),
    publicKey: toHex(publicKey),
    about: about.map(toHex),
    parts: parts.map(toHex),
    signature: toHex(signature),
  };
  return `${JSON.stringify(fields, null, 2)}\n`;
}

/** Form and signature. What is signed is for the round that uses it to judge. */
export function readDocument(text: string): Verdict<Document> {
  if (text.length > DOCUMENT_BYTES_MAX) return invalid('too large to be a file of a ceremony');
  let fields: Readonly<Record<string, unknown>>;
  try {
    fields = JSON.parse(text) as typeof fields;
  } catch {
    return invalid('not JSON');
  }
  if (typeof fields !== 'object' || fields === null) return invalid('not a JSON object');
  const kind = /^genesis (node|record|dealings|complaints)$/.exec(String(fields['internode']))?.[1];
  const [publicKey, signature] = [bytesOf(fields['publicKey']), bytesOf(fields['signature'])];
  const [about, parts] = [listOf(fields['about']), listOf(fields['parts'])];
  if (kind === undefined) return invalid('not a file of `internode genesis`');
  if (!publicKey || !signature || !about || !parts) return invalid('a field is malformed');
  const document = { kind: kind as DocumentKind, publicKey, about, parts, signature };
  const message = messageOf(document);
  const signed = nodeSignatures.verify({ publicKeyDer: publicKey, message, signature });
  return signed.kind === 'valid' ? valid(document) : invalid('its signature does not verify');
}

function bytesOf(value: unknown): Uint8Array | undefined {
  return typeof value === 'string' && isHex(value) ? fromHex(value) : undefined;
}

function listOf(value: unknown): Uint8Array[] | undefined {
  if (!Array.isArray(value) || value.length > PARTS_MAX) return undefined;
  const items = value.map(bytesOf);
  return items.every((item) => item !== undefined) ? items : undefined;
}

/** The one record in a document of a node, signed by that node itself. */
export function nodeIn(document: Document): Verdict<NodeRecord> {
  const node = onlyPart(document, 'node', NODE);
  if (node.kind !== 'valid') return node;
  const { nodeId, publicKey } = node.value;
  if (!bytesEqual(publicKey, document.publicKey) || !bytesEqual(nodeId, signerOf(document)))
    return invalid('it is not signed by the node that it describes');
  return node;
}

/** The record, signed by its controller. */
export function recordIn(document: Document): Verdict<SubnetRecord> {
  const record = onlyPart(document, 'record', RECORD);
  if (record.kind !== 'valid') return record;
  return bytesEqual(record.value.controller, signerOf(document))
    ? record
    : invalid('it is not signed by the controller that it names');
}

function onlyPart<T>(
  { kind, parts }: Document,
  wanted: DocumentKind,
  form: { decode(bytes: Uint8Array): Verdict<T> },
): Verdict<T> {
  const [part] = parts;
  if (kind !== wanted || part === undefined || parts.length !== 1)
    return invalid(`not a file of \`internode genesis ${wanted}\``);
  return form.decode(part);
}

/** All parts decoded, or why not. */
export function partsOf<T extends Dealing | Complaint>(
  { parts }: Document,
  form: { decode(bytes: Uint8Array): Verdict<T> },
): Verdict<T[]> {
  const decoded: T[] = [];
  for (const part of parts) {
    const one = form.decode(part);
    if (one.kind !== 'valid') return one;
    decoded.push(one.value);
  }
  return valid(decoded);
}

/** What everybody compares by voice: 8 groups of 4 hexadecimal digits. */
export function fingerprint(bytes: Uint8Array): string {
  return (toHex(sha256(bytes).subarray(0, 16)).match(/.{4}/g) ?? []).join(' ');
}
