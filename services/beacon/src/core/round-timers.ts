import { nameOf, type Round } from './round.ts';

/** What a round's timer is for: to send the own share to more members, or to wait no longer for more shares. */
export type RoundTimer = 'relay' | 'agree';

export function tokenOf(timer: RoundTimer, { kind, height }: Round): string {
  return `${timer}/${nameOf(kind, height)}`;
}

/** The name of the round that a timer of this kind is for. */
export function roundOfToken(timer: RoundTimer, token: string): string | undefined {
  return token.startsWith(`${timer}/`) ? token.slice(timer.length + 1) : undefined;
}
