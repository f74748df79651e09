// A service whose core does what the test says, in a calm world, beside a probe that sees the bus.
import { CALM, type Role, type RolePorts, role, type Swarm, World } from '@internode/sim';
import {
  type Core,
  type Effect,
  type Envelope,
  type Input,
  Service,
  type ServiceDefinition,
} from '../src/index.ts';

export type TestEvent = { readonly kind: 'Seen'; readonly what: string };
export type TestEffect = Effect<string, TestEvent>;
export type Step = (input: Input<string>) => readonly TestEffect[];

export const PLACE = { subnet: 's1', node: 'n1' };

export interface Fixture {
  readonly world: World;
  readonly service: Service<string, string, TestEvent>;
  /** Inputs in the order in which the core was told them. */
  readonly inputs: Input<string>[];
  /** Kinds of all observed events. */
  readonly events: { readonly kind: string }[];
  /** Everything said on the subjects that the probe listens to. */
  readonly heard: Envelope[];
  readonly probe: RolePorts;
}

export function fixture(
  step: Step,
  definition: Partial<ServiceDefinition<string, string, TestEvent>> = {},
  swarm: Partial<Swarm> = {},
): Fixture {
  const inputs: Input<string>[] = [];
  const events: { readonly kind: string }[] = [];
  const heard: Envelope[] = [];
  const core: Core<string, string, TestEvent> = {
    step: (_now, input) => {
      inputs.push(input);
      return step(input);
    },
  };
  const service = new Service<string, string, TestEvent>({
    name: 'tested',
    hears: [{ kind: 'RequestBeacon', lane: 'bulk', whenFull: 'refuse' }],
    core: () => core,
    ...definition,
  });
  let ports: RolePorts | undefined;
  const probe: Role = {
    name: 'probe',
    start: (given) => {
      ports = given;
      for (const token of ['beacon_value', 'request_tape']) {
        given.bus.subscribe(`internode.s1.n1.beacon.${token}`, (envelope) => heard.push(envelope));
      }
    },
    stop: () => {},
  };
  const world = new World({
    seed: 'fixture',
    nodes: [{ place: PLACE, roles: [probe, role(service, (task) => `${task} solved`)] }],
    swarm: { ...CALM, ...swarm },
    checkers: [
      {
        name: 'events',
        onEvent: ({ event }) => {
          events.push(event);
          return undefined;
        },
        atEnd: () => undefined,
      },
    ],
  });
  world.storm();
  world.startAll();
  world.runFor(1);
  if (ports === undefined) throw new Error('the probe did not start');
  return { world, service, inputs, events, heard, probe: ports };
}

export function requestEnvelope(body: Uint8Array, id = '00000000000000aa'): Envelope {
  const subject = 'internode.s1.n1.beacon.request_beacon';
  return { id, cause: '', sender: 'probe', subject, traceparent: '00-trace-01', body };
}

export function beaconValue(height: number): TestEffect {
  return { kind: 'publish', message: { kind: 'BeaconValue', height, value: new Uint8Array(2) } };
}
