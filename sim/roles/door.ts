// The gateway as the world runs it: the real room without its sockets. Its edge waits for promises, so whoever drives the
// world lets them settle between two events: see `Turns`.
import type { Cancel, Clock } from '@internode/actor';
import type { SignatureEngine } from '@internode/crypto';
import { Gateway, type GatewayParts, routeOf } from '@internode/gateway';
import type { Role, RolePorts } from '@internode/sim';
import { Users, type UsersConfig } from './users.ts';

/** What each life of a gateway has of its own. */
type LifeParts = Pick<GatewayParts, 'ports' | 'metricsText' | 'verifyLater' | 'signLater'>;

/** Whether something was told to the gateway since the last look. */
export class Turns {
  #due = false;

  mark(): void {
    this.#due = true;
  }

  take(): boolean {
    const due = this.#due;
    this.#due = false;
    return due;
  }
}

export type DoorParts = Omit<GatewayParts, keyof LifeParts>;

/** All doors of a subnet, and the people who go from one to the other. */
export class Street {
  readonly #config: UsersConfig;
  readonly #turns: Turns;
  #users: Users | undefined;

  constructor(config: UsersConfig, turns: Turns) {
    this.#config = config;
    this.#turns = turns;
  }

  /** The gateway behind the door of this number. People come when the first door opens, and live by its clock. */
  doorRole(number: number, parts: DoorParts): Role {
    const turns = this.#turns;
    let life: Life | undefined;
    let journal: RolePorts['journal'] | undefined;
    return {
      name: 'gateway',
      start: (ports) => {
        if (journal !== undefined && journal !== ports.journal) this.#users?.diskLost(number);
        journal = ports.journal;
        const here = new Life(ports, parts.signatures, turns);
        life = here;
        const gateway = new Gateway({ ...parts, ...here.parts });
        gateway.start();
        this.#people(ports).atDoor(number, async (path, body) => {
          const answer = await gateway.answer(routeOf('POST', path), body, '');
          return life === here ? answer : undefined;
        });
      },
      stop: () => {
        life?.end();
        life = undefined;
        this.#users?.atDoor(number, undefined);
      },
    };
  }

  #people(ports: RolePorts): Users {
    this.#users ??= new Users(this.#config, marking(ports.clock, this.#turns), (event) =>
      ports.observe('users', event),
    );
    return this.#users;
  }
}

/** The gateway's world until its process is killed: what still runs afterwards moves nothing. */
class Life {
  readonly parts: LifeParts;
  readonly #subscriptions: Cancel[] = [];
  #ended = false;

  constructor(ports: RolePorts, signatures: SignatureEngine, turns: Turns) {
    const clock = marking(ports.clock, turns);
    const later = <Result>(work: () => Result): Promise<Result> =>
      new Promise((resolve) => {
        ports.solve(work, (result) => {
          turns.mark();
          resolve(result);
        });
      });
    const { place, entropy, observe } = ports;
    const edge = {
      place,
      entropy,
      observe,
      clock: {
        ...clock,
        after: (delayMs, fire) => clock.after(delayMs, () => this.#ended || fire()),
      },
      bus: {
        publish: (envelope) => this.#ended || ports.bus.publish(envelope),
        subscribe: (subject, deliver) => {
          const cancel = ports.bus.subscribe(subject, (envelope) => {
            turns.mark();
            deliver(envelope);
          });
          this.#subscriptions.push(cancel);
          return cancel;
        },
      },
    } satisfies GatewayParts['ports'];
    this.parts = {
      ports: edge,
      verifyLater: (signed) => later(() => signatures.verify(signed)),
      signLater: (secret, message) => later(() => signatures.signEd25519(secret, message)),
      metricsText: () => '',
    };
  }

  end(): void {
    this.#ended = true;
    for (const cancel of this.#subscriptions) cancel();
  }
}

function marking(clock: Clock, turns: Turns): Clock {
  return {
    now: () => clock.now(),
    soon: (run) => clock.soon(run),
    after: (delayMs, fire) =>
      clock.after(delayMs, () => {
        turns.mark();
        fire();
      }),
  };
}
