// What was measured, as tables: against the targets and against the better peer.
import { median } from '@internode/loadtest';
import type { Machine } from './measure.ts';
import type { PeerName } from './peers.ts';
import { CONCURRENCY, type Load, medianOf, type Whole } from './whole.ts';

/** How many times the better peer's figure a concurrent update must reach. */
const PEER_RATIO = 2;
const PEERS: readonly PeerName[] = ['hardhat', 'anvil'];

export interface Row {
  readonly name: string;
  readonly unit: string;
  /** NaN when it could not be measured. */
  readonly value: number;
  readonly target?: { readonly kind: 'most' | 'least'; readonly limit: number };
  readonly peers?: Readonly<Record<PeerName, number>>;
  /** Whether less is better. */
  readonly less: boolean;
}

/** Whether the figure meets its target; undefined when it has none. What was not measured does not. */
export function isMet({ value, target }: Row): boolean | undefined {
  if (target === undefined) return undefined;
  return target.kind === 'most' ? value <= target.limit : value >= target.limit;
}

/** How many times better than the better peer; above 1 is better. NaN without peers. */
export function ratioToBetterPeer({ value, peers, less }: Row): number {
  const known = Object.values(peers ?? {}).filter((figure) => !Number.isNaN(figure));
  if (known.length === 0) return Number.NaN;
  return less ? Math.min(...known) / value : value / Math.max(...known);
}

/** The last tenth's rate as a share of the median one. */
export function flatness(whole: Whole): number {
  const rates = whole.sustained.map(({ perSecond }) => perSecond);
  return (rates.at(-1) ?? Number.NaN) / median(rates);
}

export function rowsOf(whole: Whole): Row[] {
  const { loads, starts, sustained } = whole;
  const own = (
    operation: Load['operation'],
    concurrency: number,
    figure: 'p50Ms' | 'p99Ms' | 'perSecond',
  ) => medianOf(loads, { who: 'Internode', operation, concurrency }, figure);
  const peers = (operation: Load['operation'], figure: 'p50Ms' | 'p99Ms' | 'perSecond') => ({
    hardhat: medianOf(loads, { who: 'hardhat', operation }, figure),
    anvil: medianOf(loads, { who: 'anvil', operation }, figure),
  });
  const most = (limit: number) => ({ kind: 'most', limit }) as const;
  const least = (limit: number) => ({ kind: 'least', limit }) as const;
  const rate = { unit: '/s', less: false };
  const time = { unit: 'ms', less: true };
  const written: Row = {
    ...rate,
    name: `certified updates, c=${CONCURRENCY}`,
    value: own('concurrent', CONCURRENCY, 'perSecond'),
    target: least(1000),
    peers: peers('concurrent', 'perSecond'),
  };
  const query = (
    kind: 'signed query' | 'anonymous query',
    concurrency: number,
    limit: number,
  ): Row => ({
    ...rate,
    name: `${kind.replace('query', 'queries')}, c=${concurrency}`,
    value: own(kind, concurrency, 'perSecond'),
    target: least(limit),
    peers: peers('read', 'perSecond'),
  });
  return [
    {
      ...time,
      name: 'cold start to Ready, fresh data directory, median',
      value: median(starts?.freshMs ?? []),
      target: most(1000),
    },
    {
      ...time,
      name: 'cold start to Ready, fresh data directory, best',
      value: Math.min(...(starts?.freshMs ?? [Number.NaN])),
    },
    {
      ...time,
      name: 'start to Ready, existing data directory, median',
      value: median(starts?.existingMs ?? []),
      target: most(1000),
    },
    {
      ...time,
      name: 'sequential update, p50',
      value: own('sequential', 1, 'p50Ms'),
      target: most(12),
      peers: peers('sequential', 'p50Ms'),
    },
    {
      ...time,
      name: 'sequential update, p99',
      value: own('sequential', 1, 'p99Ms'),
      peers: peers('sequential', 'p99Ms'),
    },
    written,
    {
      unit: '×',
      less: false,
      name: 'the same, as a ratio to the better peer',
      value: ratioToBetterPeer(written),
      target: least(PEER_RATIO),
    },
    {
      ...time,
      name: `certified update, c=${CONCURRENCY}, p50`,
      value: own('concurrent', CONCURRENCY, 'p50Ms'),
      peers: peers('concurrent', 'p50Ms'),
    },
    {
      ...time,
      name: `certified update, c=${CONCURRENCY}, p99`,
      value: own('concurrent', CONCURRENCY, 'p99Ms'),
      peers: peers('concurrent', 'p99Ms'),
    },
    query('signed query', 16, 2000),
    query('signed query', CONCURRENCY, 2000),
    query('anonymous query', 16, 4000),
    query('anonymous query', CONCURRENCY, 4000),
    {
      unit: '%',
      less: false,
      name: 'rate of the last tenth of the long run, of the median tenth',
      value: flatness(whole) * 100,
      target: least(90),
    },
    {
      unit: 'MB',
      less: true,
      name: 'memory (RSS) after the long run',
      value: sustained.at(-1)?.residentMb ?? Number.NaN,
      target: most(600),
    },
    {
      unit: '%',
      less: true,
      name: 'idle CPU, of one core',
      value: (whole.idleCpu ?? Number.NaN) * 100,
      target: most(2),
    },
  ];
}

/** Whether everything was measured, every answer was right and every target is met. */
export function isGood(whole: Whole): boolean {
  return whole.problems.length === 0 && rowsOf(whole).every((row) => isMet(row) !== false);
}

export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(header), line(header.map(() => '---')), ...rows.map(line)].join('\n');
}

/** Three significant digits at least; an en dash for what is not there. */
export function show(value: number | undefined, unit = ''): string {
  if (value === undefined || Number.isNaN(value)) return '–';
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  const text = value.toFixed(digits).replace(/\B(?=(\d{3})+$)/g, digits === 0 ? ',' : '');
  return unit === '/s' || unit === '×' ? `${text}${unit}` : unit ? `${text} ${unit}` : text;
}

export function machineLine({
  processor,
  cores,
  memoryGb,
  kernel,
  node,
  commit,
  modified,
  date,
}: Machine): string {
  return `${date}, commit ${commit}${modified ? ' with changes' : ''}; ${cores} × ${processor}, ${memoryGb} GB, Linux ${kernel}, Node ${node}.`;
}

export function markdownOf(whole: Whole): string {
  const { loads, size, sustained } = whole;
  const figures = rowsOf(whole).map((row) => [
    row.name,
    show(row.value, row.unit),
    row.target
      ? `${row.target.kind === 'most' ? '≤' : '≥'} ${show(row.target.limit, row.unit)} ${isMet(row) ? '✓' : '✗'}`
      : '',
    ...PEERS.map((name) => (row.peers ? show(row.peers[name], row.unit) : '')),
    row.peers ? show(ratioToBetterPeer(row), '×') : '',
  ]);
  const blocks = sustained.map((block, index) => [
    `${index + 1}`,
    show(block.perSecond),
    show(block.p50Ms),
    show(block.p99Ms),
    show(block.cpuUs),
    show(block.generatorCpuUs),
    show(block.residentMb),
    show(block.otherLoad * 100),
  ]);
  const parts = [
    '# Figures: first light',
    `${machineLine(whole.machine)} Written by \`npm run bench\` in ${whole.minutes.toFixed(1)} minutes; the generator shares the cores.`,
    `Peers: ${whole.peers.join('; ') || 'none'}.`,
    table(['figure', 'Internode', 'target', ...PEERS, 'to the better peer'], figures),
    whole.problems.length === 0
      ? `Every one of ${whole.updates.toLocaleString('en-US')} updates was answered with a certificate of status \`replied\`, ${whole.certificatesVerified} of the certificates had their BLS signature verified, and the counters of replicas and peers hold exactly as many increments.`
      : `**Not measured:**\n\n${whole.problems.map((problem) => `- ${problem}`).join('\n')}`,
    `## ${size.sustained.toLocaleString('en-US')} updates, c=${CONCURRENCY}, by tenths`,
    `RSS before the first update: ${show(whole.residentBeforeMb)} MB. "Others" is what processes other than replica and generator took of the machine.`,
    table(
      [
        'tenth',
        'updates/s',
        'p50 ms',
        'p99 ms',
        'CPU µs/update',
        'generator µs/update',
        'RSS MB',
        'others %',
      ],
      blocks,
    ),
    '## Each round',
    table(
      [
        'round',
        'who',
        'operation',
        'c',
        '/s',
        'p50 ms',
        'p99 ms',
        'CPU µs',
        'generator µs',
        'others %',
      ],
      loads.map(({ round, who, operation, concurrency, figures: f }) => [
        `${round}`,
        who,
        operation,
        `${concurrency}`,
        ...[f.perSecond, f.p50Ms, f.p99Ms, f.cpuUs, f.generatorCpuUs, f.otherLoad * 100].map(
          (value) => show(value),
        ),
      ]),
    ),
    method(whole),
  ];
  return `${parts.join('\n\n')}\n`;
}

function method({ size }: Whole): string {
  return `## Method

- One run on one machine. Everybody gets the same generator: one process, raw keep-alive HTTP/1.1 connections on loopback, a closed
  loop (a connection sends its next operation when the last is answered), each connection with its fixed share of the operations.
  Requests and transactions are signed before the clock starts; answers are read and checked after it stops.
- Internode and the peers take turns: ${size.rounds} rounds of ${size.sequential} operations at c=1 and of ${size.turnSeconds} seconds at c=${CONCURRENCY} each (as many operations
  as it did in that time when it was last measured), after ${size.warmUp} operations at c=${CONCURRENCY} of Internode and of hardhat, which V8 needs
  (anvil is native, and slower with every block: thousands of writes a second at the first hundred blocks, a hundred at thousands; its first
  turn has ${size.first}). hardhat loses a seventh between 25,000 and 50,000 blocks, so turns are short enough to end before. Figures are medians over
  the rounds. All are running all the time; those whose turn it is not are idle. Queries, the long run, memory and idle CPU are those of another replica, after ${size.warmUp} updates.
- **An Internode update** is one \`POST /api/v4/canister/…/call\` of a Motoko counter's \`inc\` (default compiler output), signed with Ed25519
  by one of 1,000 identities, answered with 200 and a certificate: ordered in a block that is on disk, executed, and signed with BLS12-381.
- **A peer's write** is one signed legacy transaction (secp256k1, EIP-155) to a contract that adds 1 to a storage slot, done when its
  receipt is there: hardhat by \`eth_sendRawTransaction\` then \`eth_getTransactionReceipt\` (it mines while it answers the first), anvil
  by \`eth_sendRawTransactionSync\`. One account per connection; default settings, request logging off. Peers keep all in memory and certify nothing.
- **A query** is \`POST /api/v3/canister/…/query\` of \`get\`, answered with the node's signature. A peer's read is \`eth_call\` of the counter's code.
- Starts: from the spawn of the command until it has written its \`--config-out\`, ${size.starts} fresh data directories, each started twice.
- CPU is user and system time of the whole process from /proc, so it does not depend on what else runs; rates and latencies do.
- Idle: CPU over ${size.idleSeconds} s, three seconds after the last update, with all of the history still held.`;
}
