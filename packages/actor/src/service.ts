// The shell around a core: replays, subscribes, decodes, queues, steps, performs. The same class runs in every world;
// only its Ports differ.
import type { Message, MessageKind, Place } from '@internode/contracts';
import { assert, unreachable } from '@internode/prelude';
import type { Core, Effect, Input, Instant } from './core.ts';
import { messageIn } from './handed.ts';
import type { Hearing } from './hearing.ts';
import { Mailbox, type MailboxFigures } from './mailbox.ts';
import type { Cancel, Envelope, Ports } from './ports.ts';
import { SERVICE_LIMITS, type ServiceLimits } from './service-limits.ts';
import type { ShellEvent } from './shell-event.ts';
import { type Context, NO_CONTEXT, Voice } from './voice.ts';

/** What a core is born with: where it stands, and 32 random bytes for names and jitter (never for keys or consensus). */
export interface Birth {
  readonly place: Place;
  readonly seed: Uint8Array;
}

export interface ServiceDefinition<Task, Answer, Event> {
  readonly name: string;
  readonly hears: readonly Hearing[];
  /** All that its core publishes; anything else is a bug, in every world. Absent: not looked at. */
  readonly says?: readonly MessageKind[];
  /** A new core with no memory: called at every start, before replay. */
  readonly core: (birth: Birth) => Core<Task, Answer, Event>;
  /** The answer to a message that a full mailbox refused. */
  readonly refuse?: (message: Message) => Message | undefined;
  readonly limits?: Partial<ServiceLimits>;
}

export interface ServiceFigures {
  readonly mailbox: MailboxFigures;
  readonly steps: number;
  readonly stepMsTotal: number;
  readonly stepMsMax: number;
  readonly stepsSlow: number;
  readonly invalid: number;
  /** Effects performed, by kind. */
  readonly effects: Readonly<Record<Effect<never, never>['kind'], number>>;
}

/** Told once, when a started service cannot go on; it has stopped by then. */
export type OnFailed = (fault: unknown) => void;

/** What a Supervisor can watch. */
export interface Startable<Task = never, Answer = never> {
  readonly name: string;
  start(ports: Ports<Task, Answer>, onFailed?: OnFailed): void;
  stop(): void;
}

interface Timer {
  readonly token: string;
  readonly context: Context;
  cancel: Cancel;
}

interface Waiting<Answer> {
  readonly input: Input<Answer>;
  readonly context: Context;
  readonly offeredMs: number;
  /** Set for timer inputs: void when cancelled or replaced while it waited. */
  readonly timer?: Timer | undefined;
}

/** Everything that one start creates and one stop forgets. */
interface Life<Task, Answer, Event> {
  readonly ports: Ports<Task, Answer>;
  readonly core: Core<Task, Answer, Event>;
  readonly mailbox: Mailbox<Waiting<Answer>>;
  readonly voice: Voice;
  readonly timers: Map<string, Timer>;
  readonly subscriptions: Cancel[];
  readonly onFailed: OnFailed | undefined;
  turnPending: boolean;
}

export class Service<Task = never, Answer = never, Event = never>
  implements Startable<Task, Answer>
{
  readonly name: string;
  readonly #definition: ServiceDefinition<Task, Answer, Event>;
  readonly #limits: ServiceLimits;
  readonly #says: ReadonlySet<MessageKind> | undefined;
  #life: Life<Task, Answer, Event> | undefined;
  #mailboxOfLastLife: MailboxFigures | undefined;
  #steps = 0;
  #stepMsTotal = 0;
  #stepMsMax = 0;
  #stepsSlow = 0;
  #invalid = 0;
  readonly #effects = {
    publish: 0,
    persist: 0,
    compact: 0,
    wait: 0,
    cancel: 0,
    solve: 0,
    observe: 0,
  };

  constructor(definition: ServiceDefinition<Task, Answer, Event>) {
    this.name = definition.name;
    this.#definition = definition;
    this.#limits = { ...SERVICE_LIMITS, ...definition.limits };
    this.#says = definition.says && new Set(definition.says);
  }

  get running(): boolean {
    return this.#life !== undefined;
  }

  /**
   * Replays the journal, subscribes, and lets the core say its first words in a later turn, when everyone started
   * with it hears. Without `onFailed`, a failure is thrown into the event loop. Throws if replay does.
   */
  start(ports: Ports<Task, Answer>, onFailed?: OnFailed): void {
    if (this.#life !== undefined) throw new Error(`${this.name} is already running`);
    const startedMs = ports.clock.now().ms;
    const seed = new Uint8Array(32);
    ports.entropy.fill(seed);
    const core = this.#definition.core({ place: ports.place, seed });
    let entriesReplayed = 0;
    ports.journal.replay((entry) => {
      entriesReplayed += 1;
      core.step(ports.clock.now(), { kind: 'replayed', entry });
    });
    const life: Life<Task, Answer, Event> = {
      ports,
      core,
      mailbox: new Mailbox(this.#limits),
      voice: new Voice(this.name, ports),
      timers: new Map(),
      subscriptions: [],
      onFailed,
      turnPending: false,
    };
    this.#life = life;
    for (const hearing of this.#definition.hears) this.#subscribe(life, hearing);
    const tookMs = ports.clock.now().ms - startedMs;
    this.#tell(life, { kind: 'ShellStarted', entriesReplayed, tookMs });
    this.#hearOwn(life, { kind: 'started' }, NO_CONTEXT);
  }

  /** Goes silent at once; nothing of this life is performed afterwards. */
  stop(): void {
    const life = this.#life;
    if (life === undefined) return;
    this.#life = undefined;
    this.#mailboxOfLastLife = life.mailbox.figures();
    for (const cancel of life.subscriptions) cancel();
    for (const timer of life.timers.values()) timer.cancel();
    this.#tell(life, { kind: 'ShellStopped' });
  }

  figures(): ServiceFigures {
    return {
      mailbox:
        this.#life?.mailbox.figures() ??
        this.#mailboxOfLastLife ??
        new Mailbox(this.#limits).figures(),
      steps: this.#steps,
      stepMsTotal: this.#stepMsTotal,
      stepMsMax: this.#stepMsMax,
      stepsSlow: this.#stepsSlow,
      invalid: this.#invalid,
      effects: { ...this.#effects },
    };
  }

  #subscribe(life: Life<Task, Answer, Event>, hearing: Hearing): void {
    const { ports, voice } = life;
    const deliver = (envelope: Envelope): void => {
      if (this.#life !== life) return;
      const verdict = messageIn(envelope, hearing.kind);
      if (verdict.kind === 'valid') {
        this.#hear(life, hearing, verdict.value, envelope);
      } else {
        this.#invalid += 1;
        const { sender } = envelope;
        this.#tell(life, {
          kind: 'MessageInvalid',
          message: hearing.kind,
          sender,
          reason: verdict.reason,
        });
      }
    };
    const { kind, group } = hearing;
    life.subscriptions.push(ports.bus.subscribe(voice.subjectOf(kind), deliver, group));
  }

  #hear(
    life: Life<Task, Answer, Event>,
    hearing: Hearing,
    message: Message,
    envelope: Envelope,
  ): void {
    const { sender, id, traceparent, handed } = envelope;
    const context = { cause: id, traceparent };
    const offeredMs = life.ports.clock.now().ms;
    const item = { input: { kind: 'message', message, sender } as const, context, offeredMs };
    const { lane, whenFull } = hearing;
    const bytes = handed?.bytes ?? envelope.body.length;
    const offered = life.mailbox.offer({ item, lane, whenFull, bytes }, offeredMs);
    switch (offered.kind) {
      case 'taken':
        for (const { input } of offered.dropped) {
          if (input.kind !== 'message') continue;
          this.#tell(life, { kind: 'MessageDropped', message: input.message.kind });
        }
        return this.#wake(life);
      case 'refused': {
        this.#tell(life, { kind: 'MessageRefused', message: message.kind });
        const refusal = this.#definition.refuse?.(message);
        if (refusal !== undefined) life.voice.publish(refusal, context);
        return;
      }
      case 'overflow':
        return this.#fail(life, new Error(`${this.name}: mailbox overflow at ${message.kind}`));
      default:
        return unreachable(offered);
    }
  }

  #hearOwn(
    life: Life<Task, Answer, Event>,
    input: Input<Answer>,
    context: Context,
    timer?: Timer,
  ): void {
    if (this.#life !== life) return;
    const offeredMs = life.ports.clock.now().ms;
    life.mailbox.offerOwn({ input, context, offeredMs, timer }, offeredMs);
    this.#wake(life);
  }

  #wake(life: Life<Task, Answer, Event>): void {
    if (life.turnPending) return;
    life.turnPending = true;
    life.ports.clock.soon(() => this.#turn(life));
  }

  /** Steps until nothing waits or the turn is used up; then others go first. */
  #turn(life: Life<Task, Answer, Event>): void {
    const { clock } = life.ports;
    let now = clock.now();
    const endMs = now.ms + this.#limits.turnBudgetMs;
    while (this.#life === life) {
      const waiting = life.mailbox.take(now.ms);
      if (waiting === undefined) {
        life.turnPending = false;
        return;
      }
      try {
        this.#step(life, now, waiting);
      } catch (fault) {
        return this.#fail(life, fault);
      }
      const { input } = waiting;
      const after = clock.now();
      this.#measure(life, input, after.ms - now.ms);
      now = after;
      if (now.ms >= endMs) return clock.soon(() => this.#turn(life));
    }
  }

  #step(life: Life<Task, Answer, Event>, now: Instant, waiting: Waiting<Answer>): void {
    const { input, context, timer } = waiting;
    if (timer !== undefined) {
      if (life.timers.get(timer.token) !== timer) return;
      life.timers.delete(timer.token);
    }
    const { tracer } = life.ports;
    if (tracer === undefined) return this.#perform(life, life.core.step(now, input), context);
    const { cause, traceparent } = context;
    const span = tracer.step(this.name, input, traceparent, waiting.offeredMs, now.ms);
    const inherits = traceparent !== '' && tracer.carries(this.name);
    const onward = inherits ? (span?.traceparent ?? traceparent) : '';
    const inner = onward === traceparent ? context : { cause, traceparent: onward };
    try {
      this.#perform(life, life.core.step(now, input), inner);
    } catch (fault) {
      span?.end(String(fault));
      throw fault;
    }
    span?.end();
  }

  #perform(
    life: Life<Task, Answer, Event>,
    effects: readonly Effect<Task, Event>[],
    context: Context,
  ): void {
    for (const effect of effects) {
      this.#effects[effect.kind] += 1;
      switch (effect.kind) {
        case 'publish':
          this.#publish(life, effect.message, context);
          break;
        case 'persist':
          life.ports.journal.append(effect.entry, () =>
            this.#performLater(life, effect.then, context),
          );
          break;
        case 'compact':
          life.ports.journal.compact(effect.entries, () => {});
          break;
        case 'wait':
          this.#wait(life, effect.token, effect.delayMs, context);
          break;
        case 'cancel':
          life.timers.get(effect.token)?.cancel();
          life.timers.delete(effect.token);
          break;
        case 'solve':
          life.ports.solver.solve(effect.task, (answer) =>
            this.#hearOwn(life, { kind: 'solved', id: effect.id, answer }, context),
          );
          break;
        case 'observe':
          life.ports.observe(this.name, effect.event);
          break;
        default:
          unreachable(effect);
      }
    }
  }

  #publish({ voice, ports }: Life<Task, Answer, Event>, message: Message, context: Context): void {
    const may = this.#says?.has(message.kind) ?? true;
    // Every message comes by here: the text is made when it is needed.
    if (!may) assert(false, `${this.name} may not say ${message.kind}`);
    const { cause, traceparent } = context;
    const carried = ports.tracer?.said(this.name, message, traceparent) ?? traceparent;
    voice.publish(message, carried === traceparent ? context : { cause, traceparent: carried });
  }

  /** The consequences of a durable entry, in the journal's order, between steps. */
  #performLater(
    life: Life<Task, Answer, Event>,
    effects: readonly Effect<Task, Event>[],
    context: Context,
  ): void {
    if (this.#life !== life) return;
    try {
      this.#perform(life, effects, context);
    } catch (fault) {
      this.#fail(life, fault);
    }
  }

  #wait(life: Life<Task, Answer, Event>, token: string, delayMs: number, context: Context): void {
    life.timers.get(token)?.cancel();
    const { tracer, clock } = life.ports;
    const carries = context.traceparent === '' || tracer?.carries(this.name, token) !== false;
    const told = carries ? context : { cause: context.cause, traceparent: '' };
    const timer: Timer = { token, context: told, cancel: () => {} };
    timer.cancel = clock.after(delayMs, () =>
      this.#hearOwn(life, { kind: 'timer', token }, told, timer),
    );
    life.timers.set(token, timer);
  }

  #measure(life: Life<Task, Answer, Event>, input: Input<Answer>, tookMs: number): void {
    this.#steps += 1;
    this.#stepMsTotal += tookMs;
    if (tookMs > this.#stepMsMax) this.#stepMsMax = tookMs;
    if (tookMs <= this.#limits.stepBudgetMs) return;
    this.#stepsSlow += 1;
    this.#tell(life, { kind: 'StepSlow', input: nameOf(input), tookMs });
  }

  #fail(life: Life<Task, Answer, Event>, fault: unknown): void {
    if (this.#life !== life) return;
    const text = fault instanceof Error ? (fault.stack ?? fault.message) : String(fault);
    this.#tell(life, { kind: 'ShellFailed', fault: text });
    this.stop();
    if (life.onFailed === undefined) throw fault;
    life.onFailed(fault);
  }

  #tell(life: Life<Task, Answer, Event>, event: ShellEvent): void {
    life.ports.observe(this.name, event);
  }
}

/** The name of an input as metrics and spans call it. */
function nameOf(input: Input<unknown>): string {
  return input.kind === 'message' ? input.message.kind : input.kind;
}
