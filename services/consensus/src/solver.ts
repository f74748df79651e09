// Ed25519 in place: 0.05 ms to sign, 0.16 ms to check (limits.md 5.1), far below the step budget. The node's key lives
// here, where no core sees it.
import type { Solver } from '@internode/actor';
import type { SignatureEngine } from '@internode/crypto';
import { unreachable } from '@internode/prelude';
import type { ConsensusAnswer, ConsensusTask } from './core/task.ts';

export interface ConsensusSolverOptions {
  /** `nodeSignatures` of '@internode/crypto/fast', or a stand-in of the simulator. */
  readonly signatures: SignatureEngine;
  /** The node's Ed25519 secret, 32 bytes. */
  readonly secret: Uint8Array;
}

export function createConsensusSolver(
  options: ConsensusSolverOptions,
): Solver<ConsensusTask, ConsensusAnswer> {
  return { solve: (task, answer) => answer(solveConsensus(options, task)) };
}

/** The function behind the solver, for worlds that answer later. */
export function solveConsensus(
  { signatures, secret }: ConsensusSolverOptions,
  task: ConsensusTask,
): ConsensusAnswer {
  switch (task.kind) {
    case 'sign':
      return { kind: 'signed', signature: signatures.signEd25519(secret, task.message) };
    case 'verify': {
      const good = task.checks.every(({ publicKey, message, signature }) => {
        const verdict = signatures.verify({ publicKeyDer: publicKey, message, signature });
        return verdict.kind === 'valid';
      });
      return { kind: 'verified', good };
    }
    default:
      return unreachable(task);
  }
}
