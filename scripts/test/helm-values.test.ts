// The chart's values: whatever is unknown or of another kind is refused, and templates ask for nothing that is not there.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Ajv } from 'ajv';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';

const CHART = fileURLToPath(new URL('../../deploy/helm/internode', import.meta.url));
const read = (name: string): string => readFileSync(join(CHART, name), 'utf8');

type Tree = Record<string, unknown>;
const schema = JSON.parse(read('values.schema.json')) as Tree;
const values = (): Tree => parse(read('values.yaml')) as Tree;
const isValid = new Ajv({ strict: true, strictRequired: false }).compile(schema);

function isObject(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Every object below, with the keys that lead to it. */
function objectsIn(value: unknown, path: readonly string[] = []): readonly (readonly string[])[] {
  if (!isObject(value)) return [];
  return [
    path,
    ...Object.entries(value).flatMap(([key, below]) => objectsIn(below, [...path, key])),
  ];
}

/** The values with the object at `path` changed. */
function changed(path: readonly string[], change: (object: Tree) => void): Tree {
  const root = values();
  change(path.reduce<Tree>((object, key) => object[key] as Tree, root));
  return root;
}

const ANOTHER_KIND: readonly (readonly [(value: unknown) => boolean, unknown])[] = [
  [(value) => typeof value === 'string', 7],
  [(value) => typeof value === 'number', '7'],
  [(value) => typeof value === 'boolean', 'yes'],
  [(value) => Array.isArray(value), 'one'],
  [isObject, 'one'],
];

describe('values of the chart', () => {
  test('its own are good', () => {
    expect(isValid(values()), JSON.stringify(isValid.errors)).toBe(true);
  });

  test('an unknown key is refused wherever it stands', () => {
    for (const path of objectsIn(values())) {
      const unknown = changed(path, (object) => {
        object['unheardOf'] = 1;
      });
      expect(isValid(unknown), path.join('.')).toBe(false);
    }
  });

  test('a mistyped key is refused wherever it stands', () => {
    for (const path of objectsIn(values())) {
      const keys = Object.keys(path.reduce<Tree>((object, key) => object[key] as Tree, values()));
      for (const key of keys) {
        const mistyped = changed(path, (object) => {
          object[`${key}s`] = object[key];
          delete object[key];
        });
        expect(isValid(mistyped), [...path, key].join('.')).toBe(false);
      }
    }
  });

  test('a value of another kind is refused wherever it stands', () => {
    for (const path of objectsIn(values())) {
      const own = path.reduce<Tree>((object, key) => object[key] as Tree, values());
      for (const [key, value] of Object.entries(own)) {
        const other = ANOTHER_KIND.find(([is]) => is(value))?.[1];
        const wrong = changed(path, (object) => {
          object[key] = other;
        });
        expect(isValid(wrong), [...path, key].join('.')).toBe(false);
      }
    }
  });

  test.each([
    ['gateway.replicas', 0],
    ['p2p.service.type', 'ExternalName'],
    ['state.storage.size', '100GB'],
    ['broker.external.cidr', '10.0.0.0'],
    ['nodeSelector', [{ key: 'zone', values: 'a' }]],
    ['tolerations', [{ key: 'a', operator: 'Is' }]],
    ['serviceMonitor.interval', '15'],
  ])('%s = %j is refused', (where, value) => {
    const path = where.split('.');
    const last = path.pop() as string;
    const wrong = changed(path, (object) => {
      object[last] = value;
    });
    expect(isValid(wrong)).toBe(false);
  });

  test('every object of the schema says that it knows all its keys', () => {
    const open = objectsIn(schema)
      .map((path) => ({
        path,
        object: path.reduce<Tree>((tree, key) => tree[key] as Tree, schema),
      }))
      .filter(
        ({ object }) => object['type'] === 'object' && object['additionalProperties'] !== false,
      );
    expect(open.map(({ path }) => path.join('.'))).toEqual([]);
  });

  test('templates use values that there are, and every value is used', () => {
    const files = readdirSync(join(CHART, 'templates'), { recursive: true })
      .map(String)
      .filter((name) => /\.(yaml|tpl|txt)$/.test(name));
    const text = files.map((name) => read(join('templates', name))).join('\n');
    const used = [...text.matchAll(/\.Values\.([\w.]+)/g)].map((match) => match[1] as string);
    const missing = used.filter(
      (path) =>
        path
          .split('.')
          .reduce<unknown>((tree, key) => (isObject(tree) ? tree[key] : undefined), values()) ===
        undefined,
    );
    expect(missing).toEqual([]);
    // Of services the templates ask by name.
    const byName = ['state', 'consensus', 'beacon', 'execution', 'p2p'];
    const unused = Object.keys(values()).filter(
      (key) => !byName.includes(key) && !used.some((path) => path.split('.')[0] === key),
    );
    expect(unused).toEqual([]);
  });
});
