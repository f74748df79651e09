// Ed25519 in place: 0.05 ms to sign, 0.16 ms to check (limits.md 5.1), far below the step budget. The node's key lives
// here, where no core sees it.
import type { Solver } from '@internode/actor';
import {
  type BlsEngine,
  type DkgEngines,
  type SignatureEngine,
  transcriptOf,
  verifyComplaint,
  verifyDealing,
} from '@internode/crypto';
import { assert, unreachable } from '@internode/prelude';
import type { Examination } from './core/key-generation.ts';
import type { ConsensusAnswer, ConsensusTask } from './core/task.ts';
import { authorOf, type IngressRules, rememberingRules } from './ingress-check.ts';
import { sumVotes, verifyMulti } from './multi-solver.ts';

export interface ConsensusSolverOptions {
  /** `nodeSignatures` of '@internode/crypto/fast', or a stand-in of the simulator. */
  readonly signatures: SignatureEngine;
  /** The node's Ed25519 secret, 32 bytes. */
  readonly secret: Uint8Array;
  /** BLS secret of the node's vote key. Absent in small subnets, whose votes are lists of Ed25519 signatures. */
  readonly voteSecret?: Uint8Array;
  /** Key generation and catch-up packages. Absent in a subnet of one that stays one: nothing of either holds. */
  readonly bls?: BlsEngine;
  /** How calls that peers bring are verified. Absent in a subnet of one, which hears of none: none is believed. */
  readonly ingress?: IngressRules;
}

export function createConsensusSolver(
  options: ConsensusSolverOptions,
): Solver<ConsensusTask, ConsensusAnswer> {
  const { ingress } = options;
  const lasting =
    ingress === undefined ? options : { ...options, ingress: rememberingRules(ingress) };
  return { solve: (task, answer) => answer(solveConsensus(lasting, task)) };
}

/** The function behind the solver, for worlds that answer later. */
export function solveConsensus(
  { signatures, secret, voteSecret, ingress, bls }: ConsensusSolverOptions,
  task: ConsensusTask,
): ConsensusAnswer {
  switch (task.kind) {
    case 'sign':
      return { kind: 'signed', signature: signatures.signEd25519(secret, task.message) };
    case 'sign-vote':
      assert(bls !== undefined && voteSecret !== undefined, 'consensus: a member without vote key');
      return { kind: 'signed', signature: bls.sign(voteSecret, task.message) };
    case 'verify-multi':
      return { kind: 'verified', good: bls !== undefined && verifyMulti(bls, task.check) };
    case 'sum-votes':
      assert(bls !== undefined, 'consensus: votes are added up with BLS');
      return sumVotes(bls, task);
    case 'verify': {
      const good = task.checks.every(({ publicKey, message, signature }) => {
        const verdict = signatures.verify({ publicKeyDer: publicKey, message, signature });
        return verdict.kind === 'valid';
      });
      return { kind: 'verified', good };
    }
    case 'authenticate':
      return {
        kind: 'authenticated',
        authors: task.messages.map((message) => ingress && authorOf(ingress, message)),
      };
    case 'examine': {
      const good = bls !== undefined && doesHold({ bls, signatures }, task.examination);
      return { kind: 'verified', good };
    }
    case 'generate': {
      const engines = bls && { bls, signatures };
      return { kind: 'generated', transcript: engines && transcriptOf(engines, task.generation) };
    }
    case 'check-package':
      return { kind: 'verified', good: bls?.verify(task.check).kind === 'valid' };
    default:
      return unreachable(task);
  }
}

function doesHold(engines: DkgEngines, examination: Examination): boolean {
  const verdict =
    examination.kind === 'dealing'
      ? verifyDealing(engines, examination)
      : verifyComplaint(engines, examination);
  return verdict.kind === 'valid';
}
