/** The contexts of interface-spec 3.1: each system call is allowed in some of them. */
import { unreachable } from '@internode/prelude';
import type { Entry } from './interface.ts';

/** The tags of interface-spec 3.1. */
export type Tag =
  | 'I'
  | 'G'
  | 'U'
  | 'RQ'
  | 'NRQ'
  | 'TQ'
  | 'CQ'
  | 'Ry'
  | 'Rt'
  | 'CRy'
  | 'CRt'
  | 'C'
  | 'CC'
  | 's'
  | 'F'
  | 'T';

export interface Mode {
  readonly tag: Tag;
  readonly bit: number;
  /** As error messages name it. */
  readonly name: string;
  readonly replicated: boolean;
}

const TAGS: readonly Tag[] = [
  'I',
  'G',
  'U',
  'RQ',
  'NRQ',
  'TQ',
  'CQ',
  'Ry',
  'Rt',
  'CRy',
  'CRt',
  'C',
  'CC',
  's',
  'F',
  'T',
];
const NOT_REPLICATED: ReadonlySet<Tag> = new Set<Tag>(['NRQ', 'TQ', 'CQ', 'CRy', 'CRt', 'CC', 'F']);
const bitOf = (tag: Tag): number => 1 << TAGS.indexOf(tag);

/** Bits of a list such as `U RQ Ry`; `*` is everything but `s`. */
export function modeBits(list: string): number {
  const words = list.split(' ');
  const all = TAGS.filter((tag) => words.includes(tag) || (words.includes('*') && tag !== 's'));
  return all.reduce((bits, tag) => bits | bitOf(tag), 0);
}

function mode(tag: Tag, name: string): Mode {
  return { tag, bit: bitOf(tag), name, replicated: !NOT_REPLICATED.has(tag) };
}

export const MODES = {
  init: mode('I', 'init'),
  preUpgrade: mode('G', 'pre upgrade'),
  update: mode('U', 'update'),
  replicatedQuery: mode('RQ', 'replicated query'),
  query: mode('NRQ', 'non replicated query'),
  compositeQuery: mode('CQ', 'composite query'),
  reply: mode('Ry', 'reply callback'),
  reject: mode('Rt', 'reject callback'),
  compositeReply: mode('CRy', 'composite reply callback'),
  compositeReject: mode('CRt', 'composite reject callback'),
  cleanup: mode('C', 'cleanup'),
  compositeCleanup: mode('CC', 'composite cleanup'),
  start: mode('s', 'start'),
  inspect: mode('F', 'inspect message'),
  heartbeat: mode('T', 'heartbeat'),
  timer: mode('T', 'global timer'),
  lowMemory: mode('T', 'on low Wasm memory'),
} as const;

/** `composite`: the execution belongs to a composite query. */
export function modeOf(entry: Entry, composite: boolean): Mode {
  switch (entry.kind) {
    case 'update':
      return MODES.update;
    case 'query':
      return entry.replicated ? MODES.replicatedQuery : MODES.query;
    case 'composite_query':
      return MODES.compositeQuery;
    case 'inspect_message':
      return MODES.inspect;
    case 'heartbeat':
      return MODES.heartbeat;
    case 'global_timer':
      return MODES.timer;
    case 'on_low_wasm_memory':
      return MODES.lowMemory;
    case 'reply_callback':
      return composite ? MODES.compositeReply : MODES.reply;
    case 'reject_callback':
      return composite ? MODES.compositeReject : MODES.reject;
    case 'cleanup':
      return composite ? MODES.compositeCleanup : MODES.cleanup;
    default:
      return unreachable(entry);
  }
}
