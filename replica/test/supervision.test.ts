import { describe, expect, test } from 'vitest';
import { Supervision, UnitFault } from '../src/apart/supervision.ts';
import { type Ended, SERVICE_NAMES, type Unit, type UnitName, unitsOf } from '../src/apart/unit.ts';

const KILLED: Ended = { how: 'signal SIGKILL', failed: false, code: undefined };
const FAILED: Ended = { how: 'broken invariant', failed: true, code: undefined };

/** Units that do what the test says, and what was told of them in order. */
class Yard {
  readonly told: string[] = [];
  stubborn: UnitName | undefined;
  readonly #ends = new Map<UnitName, (ended: Ended) => void>();
  readonly supervision: Supervision;

  constructor(runs: (service: UnitName) => boolean = () => true) {
    this.supervision = new Supervision({
      units: SERVICE_NAMES,
      start: (service) => this.#start(service, runs(service)),
      onRunning: (service) => this.told.push(`${service} runs`),
      onEnded: (service, { how }) => this.told.push(`${service}: ${how}`),
      onGivenUp: ({ message }) => this.told.push(message),
      onKilled: (service) => this.told.push(`${service} was killed`),
    });
  }

  end(service: UnitName, ended: Ended): void {
    this.#ends.get(service)?.(ended);
  }

  #start(service: UnitName, runs: boolean): Unit {
    const { promise, resolve } = Promise.withResolvers<Ended>();
    this.#ends.set(service, resolve);
    return {
      running: runs ? Promise.resolve({}) : new Promise(() => {}),
      ended: promise,
      stop: async () => {
        this.told.push(`${service} is stopped`);
        resolve(KILLED);
        return service !== this.stubborn;
      },
    };
  }
}

const times = (told: readonly string[], text: string) =>
  told.filter((each) => each === text).length;

describe('supervision', () => {
  test('what is killed is started again, however often; all are stopped in order, the door first', async () => {
    const yard = new Yard();
    await yard.supervision.begin();
    for (let kill = 1; kill <= 5; kill++) {
      yard.end('beacon', KILLED);
      await expect.poll(() => times(yard.told, 'beacon runs')).toBe(1 + kill);
    }
    yard.told.length = 0;
    await yard.supervision.stop();
    expect(yard.told).toEqual(SERVICE_NAMES.toReversed().map((name) => `${name} is stopped`));
  });

  test('what fails three times in a row by its own fault stops the node', async () => {
    const yard = new Yard();
    await yard.supervision.begin();
    for (let failure = 1; failure <= 2; failure++) {
      yard.end('state', FAILED);
      await expect.poll(() => times(yard.told, 'state runs')).toBe(1 + failure);
    }
    yard.end('state', FAILED);
    await expect.poll(() => yard.told.at(-1)).toBe('state keeps failing, so the node stops');
    expect(times(yard.told, 'state runs')).toBe(3);
    await yard.supervision.stop();
  });

  test('one that ends before it ran is the fault of the start', async () => {
    const yard = new Yard((service) => service !== 'gateway');
    const begun = yard.supervision.begin();
    yard.end('gateway', { how: 'not this address', failed: true, code: 'EADDRNOTAVAIL' });
    await expect(begun).rejects.toThrow('not this address');
    await expect(begun).rejects.toBeInstanceOf(UnitFault);
    await expect(begun).rejects.toMatchObject({ code: 'EADDRNOTAVAIL', unit: 'gateway' });
    await yard.supervision.stop();
  });

  test('one that does not stop is told of, and the others stop all the same', async () => {
    const yard = new Yard();
    await yard.supervision.begin();
    yard.stubborn = 'beacon';
    await yard.supervision.stop();
    expect(yard.told.slice(-4)).toEqual([
      'beacon is stopped',
      'beacon was killed',
      'execution is stopped',
      'state is stopped',
    ]);
  });

  test('what a killed supervisor left behind is waited for', async () => {
    let held = true;
    const yard = new Yard((service) => service !== 'state' || !held);
    const begun = yard.supervision.begin();
    yard.end('state', { how: 'in use by process 1', failed: true, code: 'locked' });
    held = false;
    await begun;
    expect(times(yard.told, 'state runs')).toBe(1);
    await yard.supervision.stop();
  });
});

test('further units of a service stand behind it, gateways last', () => {
  expect(unitsOf({ gateway: 2, execution: 3 })).toEqual([
    'state',
    'execution',
    'execution-2',
    'execution-3',
    'beacon',
    'consensus',
    'p2p',
    'gateway',
    'gateway-2',
  ]);
});
