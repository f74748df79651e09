import { freePorts as freePortsLike } from '@internode/host';

/** Ports of the loopback interface that nobody listens on right now, all different. */
export function freePorts(count: number): Promise<number[]> {
  return freePortsLike(Array.from({ length: count }));
}
