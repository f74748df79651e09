// Profiles of threads as one tree of stacks with the time in each, and that time by room.
import type { CpuProfile, ThreadProfile } from '@internode/host';
import type { ServiceName } from '../apart/unit.ts';

/** `us`: microseconds in this frame and those below it. */
export interface Frame {
  readonly name: string;
  /** Whose code it is, such as `services/state`; see `roomOf`. */
  readonly room: string;
  us: number;
  readonly below: Map<string, Frame>;
}

export interface Flame {
  /** The frames of all threads, below one frame for each thread. */
  readonly root: Frame;
  /** Microseconds by room, of the innermost frame that has one. */
  readonly rooms: ReadonlyMap<string, number>;
  /** What a frame itself took, without those below it, by name and room. */
  readonly functions: readonly {
    readonly name: string;
    readonly room: string;
    readonly us: number;
  }[];
}

type CallFrame = CpuProfile['nodes'][number]['callFrame'];

const IDLE = '(idle)';
/** Frames of V8 itself. */
const ENGINE: Readonly<Record<string, string>> = {
  '(garbage collector)': 'garbage collector',
  '(program)': 'V8 and kernel',
};
/** Names come from canisters too, which may name their functions as they like. */
const NAME_LENGTH_MAX = 120;
const DEPTH_MAX = 120;

/** Of the stacks that lead through a service, or all. */
export function flameOf(threads: readonly ThreadProfile[], through?: ServiceName): Flame {
  const root = frameOf('all', '');
  const rooms = new Map<string, number>();
  const functions = new Map<string, { name: string; room: string; us: number }>();
  for (const { thread, profile } of threads) {
    const stacks = stacksOf(profile);
    for (const [leaf, us] of timesOf(profile)) {
      const stack = stacks(leaf);
      if (stack === undefined) continue;
      if (through !== undefined && !stack.some(({ room }) => room === `services/${through}`))
        continue;
      root.us += us;
      let at = root;
      for (const step of [{ name: thread, room: '' }, ...stack].slice(0, DEPTH_MAX))
        at = below(at, step, us);
      const { room } = stack.findLast((step) => step.room !== '') ?? { room: 'other' };
      rooms.set(room, (rooms.get(room) ?? 0) + us);
      const last = stack.at(-1) ?? { name: thread, room };
      const key = `${last.room} ${last.name}`;
      const known = functions.get(key) ?? { ...last, us: 0 };
      known.us += us;
      functions.set(key, known);
    }
  }
  const largest = [...functions.values()].sort((a, b) => b.us - a.us);
  return { root, rooms: new Map([...rooms].sort(([, a], [, b]) => b - a)), functions: largest };
}

function frameOf(name: string, room: string): Frame {
  return { name, room, us: 0, below: new Map() };
}

type Step = Pick<Frame, 'name' | 'room'>;

function below(at: Frame, { name, room }: Step, us: number): Frame {
  const key = `${room} ${name}`;
  let frame = at.below.get(key);
  if (frame === undefined) {
    frame = frameOf(name, room);
    at.below.set(key, frame);
  }
  frame.us += us;
  return frame;
}

/** Microseconds by the id of the innermost frame; what was idle does not count. */
function timesOf({ nodes, samples, timeDeltas }: CpuProfile): Map<number, number> {
  const idle = new Set(
    nodes.filter(({ callFrame }) => callFrame.functionName === IDLE).map(({ id }) => id),
  );
  const times = new Map<number, number>();
  for (const [i, id] of samples.entries())
    if (!idle.has(id)) times.set(id, (times.get(id) ?? 0) + Math.max(0, timeDeltas[i] ?? 0));
  return times;
}

/** The stack of a frame, outermost first, without V8's own root; undefined: the taking of the profile itself. */
function stacksOf({ nodes }: CpuProfile): (leaf: number) => readonly Step[] | undefined {
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]));
  const parents = new Map<number, number>();
  for (const { id, children = [] } of nodes) for (const child of children) parents.set(child, id);
  return (leaf) => {
    const stack: Step[] = [];
    for (let id: number | undefined = leaf; id !== undefined; id = parents.get(id)) {
      const frame = frames.get(id);
      if (frame?.url.startsWith('node:inspector') === true) return undefined;
      if (frame !== undefined && parents.has(id)) stack.push(stepOf(frame));
    }
    return stack.reverse();
  };
}

function stepOf(frame: CallFrame): Step {
  const name = (frame.functionName || '(anonymous)').slice(0, NAME_LENGTH_MAX);
  return { name, room: roomOf(frame) };
}

/** `services/state`, `packages/bus`, the package of a library, `node`, `canisters`, or a part of V8. */
export function roomOf({ functionName, url }: CallFrame): string {
  const engine = ENGINE[functionName];
  if (engine !== undefined) return engine;
  if (url.startsWith('wasm://')) return 'canisters and Wasm';
  const library = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1];
  if (library !== undefined) return library;
  if (url.startsWith('node:')) return 'node';
  return (
    /(?:services|packages)\/[^/]+(?=\/src\/)/.exec(url)?.[0] ??
    (/\/replica\/src\//.test(url) ? 'replica' : '')
  );
}
