/** Ways in which a system call traps its caller: codes and texts of interface-spec 1.14. */
import { HostTrap } from '../wasm/index.ts';
import type { Trap } from './interface.ts';

/** IC0502: the canister's own fault at run time, such as a bad address. */
export function trapped(text: string): HostTrap {
  return new HostTrap({ code: 'IC0502', message: `Canister trapped: ${text}` });
}

/** IC0504: the call is not allowed like this. */
export function violation(text: string): HostTrap {
  return new HostTrap({ code: 'IC0504', message: `Canister violated contract: ${text}` });
}

export function calledTrap(text: string): HostTrap {
  const message = `Canister called \`ic0.trap\` with message: '${text}'`;
  return new HostTrap({ code: 'IC0503', message });
}

export function outOfCycles(canister: string, missing: bigint): HostTrap {
  const remedy = `please top up the canister with at least ${missing} additional cycles`;
  const message = `Canister ${canister} is out of cycles: ${remedy}`;
  return new HostTrap({ code: 'IC0207', message });
}

/** How a trap shows in the canister's log: without the words that only errors to callers carry. */
export function logTextOf({ message }: Trap): string {
  const called = /^Canister called `ic0\.trap` with message: '(.*)'$/s.exec(message)?.[1];
  return `[TRAP]: ${called ?? message.replace(/^Canister trapped: /, '')}`;
}
