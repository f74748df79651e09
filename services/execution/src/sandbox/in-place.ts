/** The sandbox on the caller's own thread: for tests and for the simulator. */
import type { Answer, Task } from './interface.ts';
import type { SandboxPorts } from './ports.ts';
import { Sandbox } from './sandbox.ts';

export interface InPlaceSandbox {
  /** Answers before it returns. */
  solve(task: Task, answer: (result: Answer) => void): void;
  run(task: Task): Answer;
}

/** `inflate` unpacks gzip modules; without it they are refused. */
export function createInPlaceSandbox(
  options: Partial<SandboxPorts> & { readonly instancesMax?: number } = {},
): InPlaceSandbox {
  const { inflate = () => undefined, cache, instancesMax } = options;
  const sandbox = new Sandbox({ inflate, cache }, instancesMax);
  return {
    solve: (task, answer) => answer(sandbox.solve(task)),
    run: (task) => sandbox.solve(task),
  };
}
