// What must hold of the compose file without an engine at hand: who holds which secrets, who meets whom, what may be reached.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';

interface Service {
  readonly profiles?: readonly string[];
  readonly command?: readonly string[];
  readonly volumes?: readonly string[];
  readonly networks?: readonly string[] | Readonly<Record<string, unknown>>;
  readonly ports?: readonly string[];
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly healthcheck?: unknown;
  readonly stop_grace_period?: string;
  readonly deploy?: { readonly resources: { readonly limits: { readonly memory: string } } };
}

const path = fileURLToPath(new URL('../../docker-compose.yml', import.meta.url));
const file = parse(readFileSync(path, 'utf8'), { merge: true, maxAliasCount: -1 }) as {
  readonly services: Readonly<Record<string, Service>>;
  readonly networks: Readonly<Record<string, { readonly internal?: boolean } | null>>;
  readonly volumes: Readonly<Record<string, null>>;
};

const ROOMS = ['state', 'execution', 'beacon', 'consensus', 'p2p', 'gateway'];
const CONTAINERS = ['broker', ...ROOMS];
const REPLICAS = ['', '-1', '-2', '-3'];

function serviceOf(name: string): Service {
  const found = file.services[name];
  if (found === undefined) throw new Error(`there is no ${name}`);
  return found;
}

const networksOf = ({ networks = [] }: Service): string[] =>
  (Array.isArray(networks) ? [...networks] : Object.keys(networks)).sort();

describe.each(REPLICAS)('replica%s', (suffix) => {
  test('all seven are there, under the same rules', () => {
    for (const name of CONTAINERS) {
      const service = serviceOf(name + suffix);
      expect(service, name).toMatchObject({ read_only: true, cap_drop: ['ALL'] });
      expect(service.healthcheck, name).toBeDefined();
      expect(service.stop_grace_period, name).toBeDefined();
      expect(service.deploy?.resources.limits.memory, name).toBeDefined();
      expect(service.profiles ?? []).toEqual(suffix === '' ? [] : ['network']);
    }
  });

  test('each runs what it is called and sees its own settings and data, and nobody else’s', () => {
    for (const name of ROOMS) {
      const { command, volumes } = serviceOf(name + suffix);
      expect(command).toEqual(['service', name]);
      expect(volumes).toEqual([
        `${name}${suffix}-settings:/settings:ro`,
        `${name}${suffix}-data:/data`,
      ]);
    }
    expect(serviceOf(`broker${suffix}`).volumes).toEqual([`broker${suffix}-settings:/settings:ro`]);
  });

  test('only the step before them sees the keys, and gives each its folder', () => {
    const { volumes } = serviceOf(`prepare${suffix}`);
    expect(volumes).toEqual([
      `keys${suffix}:/keys`,
      ...CONTAINERS.map((name) => `${name}${suffix}-settings:/out/${name}`),
    ]);
    const holders = Object.entries(file.services).filter(([, service]) =>
      service.volumes?.some((volume) => volume.startsWith(`keys${suffix}:`)),
    );
    expect(holders.map(([name]) => name).sort()).toEqual(['ceremony', `prepare${suffix}`]);
  });

  test('they meet on a network of their own; p2p alone meets peers, the gateway alone clients', () => {
    for (const name of CONTAINERS) {
      const { networks, ports } = { ports: [], ...serviceOf(name + suffix) };
      const expected = [`replica${suffix}`];
      if (name === 'p2p') expected.push('peers');
      if (name === 'gateway') expected.push(`edge${suffix}`);
      expect(networksOf({ ...(networks !== undefined && { networks }) })).toEqual(expected.sort());
      if (name === 'gateway') expect(ports).toEqual([expect.stringMatching(/^127\.0\.0\.1:/)]);
      else expect(ports).toEqual([]);
    }
    expect(file.networks[`replica${suffix}`]).toEqual({ internal: true });
  });
});

test('all that is named is there, and all that is there is used', () => {
  const services = Object.values(file.services);
  const volumes = services.flatMap((service) =>
    (service.volumes ?? [])
      .map((volume) => volume.split(':')[0] as string)
      .filter((name) => !name.startsWith('.')),
  );
  expect(Object.keys(file.volumes).sort()).toEqual([...new Set(volumes)].sort());
  const networks = services.flatMap(networksOf);
  expect(Object.keys(file.networks).sort()).toEqual([...new Set(networks)].sort());
});

test('ports that are published listen on this machine only', () => {
  for (const { ports = [] } of Object.values(file.services))
    for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:/);
});
