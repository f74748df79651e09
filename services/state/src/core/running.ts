import type { Commits } from './commits.ts';
import type { Loading } from './loading.ts';
import type { Tip } from './tip.ts';
import type { Versions } from './versions.ts';

/** Everything there is once the store was read. */
export interface Running {
  readonly tip: Tip;
  readonly versions: Versions;
  readonly commits: Commits;
  readonly loading: Loading;
}

/** Why nothing new is taken now. */
export function obstacle(
  { commits, loading }: Running,
  fault: string | undefined,
  nowMs: number,
): string | undefined {
  if (fault !== undefined) return 'the store is failing';
  if (commits.full) return 'the store is behind';
  if (loading.holds(nowMs)) return 'execution is loading';
  return undefined;
}
