// Renders the chart with helm and checks what comes out, without a cluster: every resource against Kubernetes' own types (by the
// compiler: unknown fields and wrong kinds are errors), names that must agree, and that mistyped values are refused. Helm is that
// of HELM, of the PATH, or installed with Go, which takes minutes: not in the gate.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const CHART = join(ROOT, 'deploy/helm/internode');
const BIN = join(ROOT, '.cache/bin');
const HELM = 'helm.sh/helm/v3/cmd/helm@v3.19.5';
/** Of the types that resources are checked against. */
const KUBERNETES = '1.30.0';

interface Resource {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
}

/** Values that switch on what is off by default, and the other way round. */
const VALUES: Readonly<Record<string, object>> = {
  defaults: {},
  everything: {
    gateway: { replicas: 2, autoscaling: { enabled: true } },
    serviceMonitor: { enabled: true },
    tracing: { endpoint: 'http://collector.monitoring:4318' },
    imagePullSecrets: ['registry'],
    nodeSelector: [{ key: 'topology.kubernetes.io/zone', value: 'a' }],
    tolerations: [{ key: 'only', operator: 'Equal', value: 'internode', effect: 'NoSchedule' }],
    p2p: { service: { annotations: [{ key: 'example.org/lb', value: 'static' }] } },
    state: { storage: { className: 'fast' } },
    secretPrefix: 'node-1',
  },
  'external-broker': {
    broker: { enabled: false, external: { cidr: '10.1.2.3/32', port: 4223 } },
    networkPolicy: { monitoringNamespaces: [] },
  },
  'no-policies': { networkPolicy: { enabled: false }, p2p: { service: { type: 'NodePort' } } },
};

const REFUSED: readonly object[] = [
  { gatway: { replicas: 2 } },
  { gateway: { replica: 2 } },
  { gateway: { replicas: 'two' } },
  { state: { storage: { size: '100GB' } } },
  { p2p: { service: { type: 'ExternalName' } } },
];

/** Where the types of a resource are; those of others have none here. */
const TYPES: Readonly<Record<string, string>> = {
  'apps/v1': 'apps/v1',
  v1: 'core/v1',
  'policy/v1': 'policy/v1',
  'networking.k8s.io/v1': 'networking/v1',
  'autoscaling/v2': 'autoscaling/v2',
};
const UNTYPED = new Set(['monitoring.coreos.com/v1']);

function main(): void {
  const helm = findHelm();
  const work = mkdtempSync(join(ROOT, '.cache/chart-'));
  try {
    must(helm, ['lint', '--strict', CHART]);
    const rendered = Object.entries(VALUES).map(([name, values]) => {
      const resources = resourcesOf(must(helm, template(work, name, values)));
      checkNames(name, resources);
      return { name, resources };
    });
    checkTypes(work, rendered);
    for (const [index, values] of REFUSED.entries()) {
      const { status, stderr } = run(helm, template(work, `refused-${index}`, values));
      if (status === 0 || !/values don't meet the specifications/.test(stderr))
        throw new Error(`${JSON.stringify(values)} was not refused: ${stderr}`);
    }
    const count = rendered.reduce((sum, { resources }) => sum + resources.length, 0);
    console.log(
      `chart: ${count} resources of ${rendered.length} sets of values are sound, ${REFUSED.length} mistyped sets refused`,
    );
  } finally {
    rmSync(work, { recursive: true });
  }
}

function template(work: string, name: string, values: object): string[] {
  const file = join(work, `${name}.json`);
  writeFileSync(file, JSON.stringify(values));
  return ['template', 'node-1', CHART, '--kube-version', KUBERNETES, '--values', file];
}

function resourcesOf(text: string): Resource[] {
  return parseAllDocuments(text).flatMap((document) => {
    if (document.errors.length > 0) throw document.errors[0];
    const value: unknown = document.toJS();
    return value === null ? [] : [value as Resource];
  });
}

function checkTypes(
  work: string,
  rendered: readonly { readonly name: string; readonly resources: readonly Resource[] }[],
): void {
  const statements = rendered.flatMap(({ name, resources }) =>
    resources.flatMap((resource, index) => {
      const from = TYPES[resource.apiVersion];
      if (from === undefined && UNTYPED.has(resource.apiVersion)) return [];
      if (from === undefined) throw new Error(`${resource.apiVersion} has no types here`);
      const type = `import('kubernetes-types/${from}').${resource.kind}`;
      const constant = `${name}_${index}`.replaceAll('-', '_');
      return [`export const ${constant}: ${type} = ${JSON.stringify(resource, null, 1)};`];
    }),
  );
  const file = join(work, 'resources.ts');
  writeFileSync(file, statements.join('\n'));
  const flags = [
    '--noEmit',
    '--moduleResolution',
    'bundler',
    '--strict',
    '--skipLibCheck',
    '--module',
    'esnext',
    '--types',
    '',
  ];
  must(join(ROOT, 'node_modules/.bin/tsc'), [...flags, '--ignoreConfig', file]);
}

/** Names are whole, different, and selectors select something. */
function checkNames(set: string, resources: readonly Resource[]): void {
  const names = resources.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
  const twice = names.filter((name, index) => names.indexOf(name) !== index);
  if (twice.length > 0) throw new Error(`${set}: ${twice.join(', ')} is there twice`);
  const labels = resources.flatMap((resource) => labelsOfPods(resource));
  for (const resource of resources.filter(({ kind }) => kind === 'Service')) {
    const { selector } = (resource as unknown as { spec: { selector: Labels } }).spec;
    const found = labels.some((own) =>
      Object.entries(selector).every(([key, value]) => own[key] === value),
    );
    if (!found) throw new Error(`${set}: ${resource.metadata.name} selects no pod`);
  }
}

type Labels = Readonly<Record<string, string>>;

function labelsOfPods(resource: Resource): Labels[] {
  const { spec } = resource as unknown as {
    spec?: { template?: { metadata?: { labels?: Labels } } };
  };
  const labels = spec?.template?.metadata?.labels;
  return labels === undefined ? [] : [labels];
}

function findHelm(): string {
  const own = join(BIN, 'helm');
  const found = [process.env['HELM'], 'helm', own].find(
    (path) => path !== undefined && run(path, ['version']).status === 0,
  );
  if (found !== undefined) return found;
  console.log('chart: installing helm with Go (minutes) …');
  mkdirSync(BIN, { recursive: true });
  must('go', ['install', HELM], { GOBIN: BIN });
  if (!existsSync(own)) throw new Error('helm is needed: https://helm.sh/docs/intro/install');
  return own;
}

function run(program: string, args: readonly string[], environment: NodeJS.ProcessEnv = {}) {
  const env = { ...process.env, ...environment };
  return spawnSync(program, args, { cwd: ROOT, encoding: 'utf8', env, maxBuffer: 2 ** 26 });
}

function must(program: string, args: readonly string[], environment?: NodeJS.ProcessEnv): string {
  const { status, stdout, stderr, error } = run(program, args, environment);
  if (status === 0) return stdout;
  throw new Error(`${program} ${args.join(' ')}\n${stdout}${stderr}${error?.message ?? ''}`);
}

main();
