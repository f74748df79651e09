// Where processor time goes: V8's profiles of several threads, cut to the time that was measured, told by room and operation.

import type { CpuProfile } from '@internode/host';

type Frame = CpuProfile['nodes'][number]['callFrame'];

const IDLE = 'idle';

/** By function, for the few files whose functions matter. */
const OPERATIONS: Readonly<Record<string, string>> = {
  verify: 'BLS: checks',
  combineAgreeing: 'BLS: shares that agree',
  combineShares: 'BLS: shares put together',
  sign: 'BLS: own shares',
};

/** Microseconds of each kind of work between two instants of the monotonic clock. */
export function timeByWork(
  profile: CpuProfile,
  { fromUs, toUs }: { readonly fromUs: number; readonly toUs: number },
): Map<string, number> {
  const frames = new Map(profile.nodes.map(({ id, callFrame }) => [id, callFrame]));
  const parents = new Map<number, number>();
  for (const { id, children = [] } of profile.nodes)
    for (const child of children) parents.set(child, id);
  const known = new Map<number, string>();
  const workOf = (id: number): string => {
    let work = known.get(id);
    if (work === undefined) {
      work = firstWork(id, frames, parents);
      known.set(id, work);
    }
    return work;
  };
  const times = new Map<string, number>();
  let atUs = profile.startTime;
  for (const [i, id] of profile.samples.entries()) {
    const tookUs = profile.timeDeltas[i] ?? 0;
    atUs += tookUs;
    if (atUs < fromUs || atUs > toUs) continue;
    const work = workOf(id);
    if (work !== IDLE) times.set(work, (times.get(work) ?? 0) + tookUs);
  }
  return times;
}

/** What the innermost frame is for that says so. */
function firstWork(
  leaf: number,
  frames: ReadonlyMap<number, Frame>,
  parents: ReadonlyMap<number, number>,
): string {
  for (let id: number | undefined = leaf; id !== undefined; id = parents.get(id)) {
    const frame = frames.get(id);
    const work = frame && workOfFrame(frame);
    if (work !== undefined) return work;
  }
  return 'node itself';
}

function workOfFrame({ functionName, url }: Frame): string | undefined {
  if (functionName === '(idle)') return IDLE;
  if (functionName === '(garbage collector)') return 'garbage collector';
  if (functionName === '(program)') return 'V8 and kernel outside JavaScript';
  if (url.includes('/fast/bls-mcl.ts')) return OPERATIONS[functionName];
  if (url.includes('/fast/signatures-node.ts')) return 'Ed25519 and signatures of users';
  if (url.includes('/@grpc/') || url.startsWith('node:internal/http2')) return 'p2p and gRPC';
  if (url.startsWith('node:_http')) return 'gateway and HTTP';
  if (/rocksdb|classic-level|packages\/storage/.test(url)) return 'storage';
  const [, kind, room = ''] = /(services|packages)\/([^/]+)\/src/.exec(url) ?? [];
  if (kind === 'services')
    return room === 'p2p' ? 'p2p and gRPC' : room === 'gateway' ? 'gateway and HTTP' : room;
  if (kind === 'packages') return 'bus, contracts, encoding, other packages';
  return undefined;
}
