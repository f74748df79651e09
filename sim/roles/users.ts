// The people at the gateway's door, as a core: they say to the bus what the gateway says for a call, again until it is answered, read
// the certificate and judge it. They install one canister, then mark numbers in it; every number may be marked once.
import type { Core, Effect, Input, Instant } from '@internode/actor';
import type { CertifiedRead, Message } from '@internode/contracts';
import { ANONYMOUS, candid, encodeCbor, MANAGEMENT, requestIdOf } from '@internode/encoding';
import { type BlsVerifier, lookupPath, verifyCertificate } from '@internode/hash-tree';
import { concatBytes, toHex, utf8 } from '@internode/prelude';

export type UserEvent =
  | { readonly kind: 'CallSent'; readonly call: number }
  | { readonly kind: 'CallSentAgain'; readonly call: number }
  /** A certificate of this height shows the outcome. */
  | {
      readonly kind: 'CallAnswered';
      readonly call: number;
      readonly height: number;
      readonly status: string;
      readonly reply: Uint8Array;
    }
  | { readonly kind: 'CertificateBad'; readonly reason: string }
  | { readonly kind: 'FinalSeen'; readonly height: number; readonly hash: Uint8Array }
  | { readonly kind: 'Finished'; readonly answered: number };

export interface UsersConfig {
  readonly wasm: Uint8Array;
  readonly rootKey: Uint8Array;
  readonly bls: BlsVerifier;
  readonly canisterId: Uint8Array;
  /** Numbers to mark. */
  readonly calls: number;
  /** Mean pause between two first attempts. */
  readonly pauseMs: number;
}

interface Call {
  readonly index: number;
  readonly requestId: Uint8Array;
  readonly ingress: Extract<Message, { kind: 'SubmitIngress' }>['ingress'];
  readonly inspect: Message;
  state: 'inspecting' | 'submitting' | 'waiting' | 'done';
}

type UserEffect = Effect<never, UserEvent>;

const AGAIN_MS = 400;
const SETUP_CALLS = 2; // creation and installation come before the marks
const EXPIRY_NANOS = 240_000_000_000n;

export class UsersCore implements Core<never, never, UserEvent> {
  readonly #config: UsersConfig;
  readonly #seed: Uint8Array;
  readonly #calls: Call[] = [];
  #answered = 0;
  #out: UserEffect[] = [];
  #nowNanos = 0n;

  /** `seed`: 32 bytes that names and pauses are drawn from. */
  constructor(config: UsersConfig, seed: Uint8Array) {
    this.#config = config;
    this.#seed = seed;
  }

  step(now: Instant, input: Input<never>): readonly UserEffect[] {
    this.#out = [];
    this.#nowNanos = now.unixNanos;
    switch (input.kind) {
      case 'started':
        // The door was closed for a while: everyone comes again.
        for (const { index, state } of this.#calls)
          if (state !== 'done') this.#wait(`call ${index}`, AGAIN_MS);
        this.#next();
        break;
      case 'timer':
        this.#again(input.token);
        break;
      case 'message':
        this.#hear(input.message);
        break;
      default:
        break;
    }
    return this.#out;
  }

  /** The next call, if the last set-up call is answered. */
  #next(): void {
    const index = this.#calls.length;
    if (index >= SETUP_CALLS + this.#config.calls) return;
    if (index > 0 && index <= SETUP_CALLS && this.#answered < index) return;
    const call = this.#prepare(index);
    this.#calls.push(call);
    this.#observe({ kind: 'CallSent', call: index });
    this.#say(call.inspect);
    this.#wait(`call ${index}`, AGAIN_MS);
    if (index >= SETUP_CALLS) this.#wait('next', this.#pause(index));
  }

  #pause(index: number): number {
    return ((this.#seed[index % 32] ?? 0) / 128) * this.#config.pauseMs;
  }

  #prepare(index: number): Call {
    const { canisterId, wasm } = this.#config;
    const management = index < SETUP_CALLS;
    const method = ['provisional_create_canister_with_cycles', 'install_code'][index] ?? 'mark';
    const argument = argumentOf(index, canisterId, wasm);
    const expiryNanos = this.#nowNanos + EXPIRY_NANOS;
    const content = {
      request_type: 'call',
      sender: ANONYMOUS,
      nonce: concatBytes(this.#seed.subarray(0, 8), numberBytes(index)),
      ingress_expiry: expiryNanos,
      canister_id: management ? MANAGEMENT : canisterId,
      method_name: method,
      arg: argument,
    };
    const id = requestIdOf(content);
    if (id.kind !== 'valid') throw new Error(id.reason);
    const requestId = id.value;
    const ingress = {
      requestId,
      envelope: encodeCbor({ content }),
      expiryNanos,
      effectiveCanisterId: canisterId,
    };
    const inspect: Message = {
      kind: 'InspectIngress',
      requestId,
      sender: ANONYMOUS,
      canisterId: content.canister_id,
      methodName: method,
      argument,
      effectiveCanisterId: canisterId,
    };
    return { index, requestId, ingress, inspect, state: 'inspecting' };
  }

  #hear(message: Message): void {
    switch (message.kind) {
      case 'IngressInspected': {
        const call = this.#callOf(message.requestId);
        if (call?.state !== 'inspecting') return;
        // Refused for now: the canister may not be there yet in a state that went back. Asked again by timer.
        if (message.refusal !== undefined) return;
        call.state = 'submitting';
        return this.#submit(call);
      }
      case 'IngressAdmitted': {
        const call = this.#callOf(message.requestId);
        if (call?.state === 'submitting') call.state = 'waiting';
        return;
      }
      case 'StateCertified':
        for (const requestId of message.completedRequests) {
          const call = this.#callOf(requestId);
          if (call && call.state !== 'done') this.#read(call);
        }
        return;
      case 'BlockFinalized':
        return this.#observe({
          kind: 'FinalSeen',
          height: message.height,
          hash: message.blockHash,
        });
      case 'CertifiedRead':
        return this.#judge(message);
      default:
        return;
    }
  }

  #again(token: string): void {
    if (token === 'next') return this.#next();
    const call = this.#calls[Number(token.slice(5))];
    if (!call || call.state === 'done') return;
    this.#observe({ kind: 'CallSentAgain', call: call.index });
    if (call.state === 'inspecting') this.#say(call.inspect);
    else {
      this.#submit(call);
      this.#read(call);
    }
    this.#wait(token, AGAIN_MS);
  }

  #submit({ ingress }: Call): void {
    this.#say({ kind: 'SubmitIngress', ingress, sender: ANONYMOUS });
  }

  #read(call: Call): void {
    const labels = [utf8('request_status'), call.requestId];
    const readId = concatBytes(numberBytes(call.index), this.#seed.subarray(0, 12));
    this.#say({ kind: 'ReadCertified', readId, paths: [{ labels }] });
  }

  #judge({ readId, certificate, height, refusal }: CertifiedRead): void {
    const call = this.#calls[new DataView(readId.buffer, readId.byteOffset).getUint32(0, true)];
    if (!call || call.state === 'done' || refusal !== undefined) return;
    const { rootKey, bls } = this.#config;
    const verdict = verifyCertificate(certificate, { rootKey, bls });
    if (verdict.kind !== 'valid')
      return this.#observe({ kind: 'CertificateBad', reason: verdict.reason });
    const find = (label: string): Uint8Array | undefined => {
      const found = lookupPath(verdict.value, [
        utf8('request_status'),
        call.requestId,
        utf8(label),
      ]);
      return found.kind === 'found' ? found.value : undefined;
    };
    const status = new TextDecoder().decode(find('status') ?? new Uint8Array());
    if (status !== 'replied' && status !== 'rejected') return;
    call.state = 'done';
    this.#answered += 1;
    const reply = find('reply') ?? find('reject_message') ?? new Uint8Array();
    this.#observe({ kind: 'CallAnswered', call: call.index, height, status, reply });
    this.#out.push({ kind: 'cancel', token: `call ${call.index}` });
    if (this.#answered === SETUP_CALLS + this.#config.calls) {
      this.#observe({ kind: 'Finished', answered: this.#answered });
    }
    if (call.index < SETUP_CALLS) this.#next();
  }

  #callOf(requestId: Uint8Array): Call | undefined {
    const id = toHex(requestId);
    return this.#calls.find((call) => toHex(call.requestId) === id);
  }

  #say(message: Message): void {
    this.#out.push({ kind: 'publish', message });
  }

  #wait(token: string, delayMs: number): void {
    this.#out.push({ kind: 'wait', token, delayMs });
  }

  #observe(event: UserEvent): void {
    this.#out.push({ kind: 'observe', event });
  }
}

function numberBytes(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

const { record, opt, nat, principal, blob, variant, nullType } = candid;
const CREATE = [record({ amount: opt(nat), specified_id: opt(principal) })] as const;
const INSTALL = [
  record({
    mode: variant({ install: nullType }),
    canister_id: principal,
    wasm_module: blob,
    arg: blob,
  }),
] as const;

function argumentOf(index: number, canisterId: Uint8Array, wasm: Uint8Array): Uint8Array {
  if (index === 0) return candid.encode(CREATE, [{ amount: undefined, specified_id: canisterId }]);
  if (index > 1) return numberBytes(index - SETUP_CALLS);
  const install = {
    mode: { kind: 'install', value: null },
    canister_id: canisterId,
    wasm_module: wasm,
    arg: new Uint8Array(),
  } as const;
  return candid.encode(INSTALL, [install]);
}
