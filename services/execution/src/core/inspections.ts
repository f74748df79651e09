// May this call enter a block? (interface-spec 1.8 admission, 5.12). Asked by the door before
// anyone pays for the call.
import type { InspectIngress, Refusal } from '@internode/contracts';
import { isManagement } from '@internode/encoding';
import { utf8 } from '@internode/prelude';
import { INGRESS_HISTORY, INSPECTIONS, INSTRUCTIONS } from '../limits.ts';
import type { Canister } from './canister.ts';
import { baseContext } from './context.ts';
import { type Fiber, solveFor } from './fibers.ts';
import { readArgument } from './management/call.ts';
import { onlyByCanisters } from './management/dispatch.ts';
import { accessOf, freeByIngress, managementMethod } from './management/methods.ts';
import { maySee } from './management/status.ts';
import { callerProblem } from './management/subnet-record.ts';
import { canisterIdType } from './management/types.ts';
import type { Room } from './queries.ts';
import {
  canisterNotFound,
  canisterStopped,
  canisterStopping,
  fromCanister,
  noMethod,
  noModule,
  notController,
  outOfCycles,
  refuse,
  trapped,
  unknownManagementMethod,
} from './refusals.ts';

export class Inspector {
  readonly #room: Room;
  #running = 0;

  constructor(room: Room) {
    this.#room = room;
  }

  inspect(asked: InspectIngress, isReady: boolean): void {
    if (isReady && this.#room.subnet.history.hasEnded(asked.requestId))
      return this.#answer(asked, undefined, true);
    const refusal = this.#refusalAtOnce(isReady);
    if (refusal !== undefined) return this.#answer(asked, refusal);
    this.#running += 1;
    this.#room.fibers.start(this.#run(asked));
  }

  #refusalAtOnce(isReady: boolean): Refusal | undefined {
    if (!isReady) return refuse('IC0208', 'The replica is starting');
    if (this.#running >= INSPECTIONS) return refuse('IC0201', 'Too many calls are waiting');
    if (this.#room.subnet.history.size >= INGRESS_HISTORY)
      return refuse('IC0204', 'The ingress history is full');
    return undefined;
  }

  *#run(asked: InspectIngress): Fiber {
    const refusal = isManagement(asked.canisterId)
      ? this.#managementProblem(asked)
      : yield* this.#canisterProblem(asked);
    this.#running -= 1;
    this.#answer(asked, refusal);
  }

  #managementProblem(asked: InspectIngress): Refusal | undefined {
    const method = managementMethod(asked.methodName);
    if (method === undefined) return unknownManagementMethod(asked.methodName);
    const access = accessOf(method);
    if (!access.ingress) return onlyByCanisters(method);
    if (method === 'provisional_create_canister_with_cycles') return undefined;
    if (access.who === 'subnet-controller')
      return callerProblem(this.#room.subnet.records.newest, asked.sender);
    const read = readArgument(canisterIdType, asked.argument);
    if (read.kind === 'refused') return read.refusal;
    const id = read.value.canister_id;
    const canister = this.#room.subnet.get(id);
    if (canister === undefined) return canisterNotFound(id);
    const { settings } = canister.state;
    const isAllowed =
      access.who === 'anyone' ||
      canister.isController(asked.sender) ||
      (method === 'canister_status' && maySee(canister, settings.statusVisibility, asked.sender));
    if (!isAllowed) return notController(id, settings.controllers, asked.sender);
    return freeByIngress(method) ? undefined : this.#cyclesProblem(canister, asked);
  }

  *#canisterProblem(asked: InspectIngress): Fiber<Refusal | undefined> {
    const { subnet, ensureOpen } = this.#room;
    const canister = subnet.get(asked.canisterId);
    if (canister === undefined) return canisterNotFound(asked.canisterId);
    if (canister.state.code === undefined) return noModule(canister.id);
    yield* ensureOpen(canister);
    const problem = this.#statusProblem(canister) ?? this.#cyclesProblem(canister, asked);
    if (problem !== undefined) return problem;
    const kind = canister.methods.get(asked.methodName);
    if (kind !== 'update' && kind !== 'query')
      return noMethod(canister.id, asked.methodName, 'update');
    if (!canister.hasHook('canister_inspect_message')) return undefined;
    return yield* this.#ask(canister, asked);
  }

  *#ask(canister: Canister, asked: InspectIngress): Fiber<Refusal | undefined> {
    const { senderInfo, senderInfoSigner } = asked;
    const { gate } = this.#room;
    const isSlow = yield* gate.enter(canister.key);
    const executed = yield* solveFor('executed', {
      kind: 'execute',
      entry: { kind: 'inspect_message', method: asked.methodName, argument: asked.argument },
      context: {
        ...baseContext(this.#room.subnet, canister),
        caller: asked.sender,
        senderInfo:
          senderInfo === undefined || senderInfoSigner === undefined
            ? undefined
            : { info: senderInfo, signer: senderInfoSigner },
        instructionLimit: INSTRUCTIONS.inspect,
      },
      session: undefined,
    });
    gate.leave(canister.key, isSlow, executed.instructions);
    if (executed.trap !== undefined) return trapped(canister.id, executed.trap);
    if (executed.messageAccepted) return undefined;
    return fromCanister(canister.id, 'IC0406', 'Canister rejected the message');
  }

  #statusProblem(canister: Canister): Refusal | undefined {
    const { id, state } = canister;
    if (state.status.kind === 'stopped') return canisterStopped(id);
    if (state.status.kind === 'stopping') return canisterStopping(id);
    return state.code === undefined ? noModule(id) : undefined;
  }

  /** The receiver pays for the call; a frozen one cannot. */
  #cyclesProblem(
    canister: Canister,
    { methodName, argument }: InspectIngress,
  ): Refusal | undefined {
    const { prices } = this.#room.subnet;
    const cost = prices.ingress(utf8(methodName).length + argument.length);
    const missing = cost + canister.freezingReserve(prices) - canister.state.balance;
    return missing > 0n ? outOfCycles(canister.id, missing) : undefined;
  }

  #answer({ requestId }: InspectIngress, refusal: Refusal | undefined, known = false): void {
    const message = { kind: 'IngressInspected', requestId, refusal, known } as const;
    this.#room.emit({ kind: 'publish', message });
  }
}
