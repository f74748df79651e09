import type { ArtifactKind } from '@internode/contracts';
import { toHex } from '@internode/prelude';

/** What an artifact is called in this node's maps. */
export function nameOf(artifactKind: ArtifactKind, id: Uint8Array): string {
  return `${artifactKind}/${toHex(id)}`;
}

/** An artifact whose body fits its id. */
export interface Artifact {
  readonly artifactKind: ArtifactKind;
  readonly id: Uint8Array;
  readonly body: Uint8Array;
}
