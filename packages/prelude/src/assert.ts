/** Thrown only when our own reasoning is wrong, never for what others sent. Stops the service. */
export class InvariantBroken extends Error {
  override readonly name = 'InvariantBroken';
}

/** Throws `InvariantBroken` unless `condition` holds. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new InvariantBroken(message);
}

/** Ends a switch over a closed union: does not compile when a kind was forgotten. */
export function unreachable(value: never): never {
  const kind = (value as { kind?: unknown } | undefined)?.kind ?? value;
  throw new InvariantBroken(`unreachable: ${String(kind)}`);
}
