// Dashboards and alerts ask for figures that services have, with labels that they have.
import { globSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { parse } from 'yaml';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const SERVICES = readdirSync(join(ROOT, 'services'));

/** What every service with a mailbox has (packages/telemetry). */
const OF_ALL = [
  'mailbox_depth',
  'mailbox_bytes',
  'steps_total',
  'step_seconds_total',
  'mailbox_wait_seconds_total',
  'effects_total',
];

function metricsOfCode(): ReadonlySet<string> {
  const names = SERVICES.flatMap((service) => {
    const text = globSync(`services/${service}/src/*telemetry.ts`, { cwd: ROOT }).map(read).join();
    const own = [...text.matchAll(/kind: '(count|gauge|histogram)',\s*name: '([a-z_0-9]+)'/g)];
    return own
      .flatMap(([, kind, name]) =>
        kind === 'histogram' ? ['bucket', 'sum', 'count'].map((end) => `${name}_${end}`) : [name],
      )
      .concat(OF_ALL)
      .map((name) => `internode_${service}_${name}`);
  });
  return new Set(names);
}

const known = metricsOfCode();
const strangers = (expressions: string): string[] =>
  [...new Set(expressions.match(/\binternode_[a-z0-9_]+/g))].filter((name) => !known.has(name));

interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly panels: readonly {
    readonly id: number;
    readonly targets: readonly { expr: string }[];
  }[];
}

const dashboards = readdirSync(join(ROOT, 'deploy/dashboards'));

test('the five dashboards are there', () => {
  expect(dashboards.map((file) => basename(file, '.json')).sort()).toEqual(
    ['consensus', 'execution', 'overview', 'p2p', 'state'].sort(),
  );
});

test.each(dashboards)('%s asks for figures that there are', (file) => {
  const { uid, panels } = JSON.parse(read(`deploy/dashboards/${file}`)) as Dashboard;
  expect(uid).toBe(`internode-${basename(file, '.json')}`);
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  const expressions = panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
  expect(expressions.length).toBeGreaterThan(0);
  expect(strangers(expressions.join('\n'))).toEqual([]);
});

test('alerts ask for figures that there are', () => {
  const text = read('deploy/alerts.yml');
  expect(parse(text)).toMatchObject({ groups: [{ name: 'internode' }] });
  const expressions = [...text.matchAll(/expr: (.*)/g)].map((match) => match[1]);
  expect(strangers(expressions.join('\n'))).toEqual([]);
});

test('a stranger would be seen', () => {
  expect(strangers('rate(internode_state_no_such_total[1m])')).toEqual([
    'internode_state_no_such_total',
  ]);
});
