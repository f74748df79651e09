import type { Ports, Service } from '@internode/actor';
import type { MemoryStore } from '@internode/storage/memory';
import type { Ears, Line } from './network.ts';

/** What the world gives a service at each start; the solver is the role's own. */
export interface RolePorts extends Omit<Ports, 'solver'> {
  /** Runs the work now and answers after a drawn delay, unless the service died meanwhile. */
  solve<Answer>(work: () => Answer, answer: (result: Answer) => void): void;
  /** Outlives crashes, except for what was not synced. */
  readonly store: MemoryStore;
  /** The way to this node's peers, for this life. */
  openLine(ears: Ears): Line;
}

/** A service as the world runs it. */
export interface Role {
  readonly name: string;
  start(ports: RolePorts, onFailed: (fault: unknown) => void): void;
  stop(): void;
}

/** `solve` does the heavy or slow work in place; the store is the service's own. */
export function role<Task, Answer, Event>(
  service: Service<Task, Answer, Event>,
  solve?: (task: Task, store: MemoryStore) => Answer,
): Role {
  return {
    name: service.name,
    start: (ports, onFailed) => {
      const solver = {
        solve: (task: Task, answer: (result: Answer) => void): void => {
          if (solve === undefined) throw new Error(`${service.name} has no solver`);
          ports.solve(() => solve(task, ports.store), answer);
        },
      };
      service.start({ ...ports, solver }, onFailed);
    },
    stop: () => service.stop(),
  };
}
