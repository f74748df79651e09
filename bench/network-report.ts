// What a network did, as tables.
import { median } from '@internode/loadtest';
import type { Measured } from './measure.ts';
import { NETWORK_CONCURRENCY, type NetworkFigures, type NetworkLoad, REPLICAS } from './network.ts';
import { isMet, machineLine, type Row, show, table } from './report.ts';

export function networkRows(network: NetworkFigures): Row[] {
  const { idle } = network;
  const own = (concurrency: number, figure: keyof Measured): number =>
    middle(network.loads, 'Internode', concurrency, figure);
  const most = (limit: number) => ({ kind: 'most', limit }) as const;
  const least = (limit: number) => ({ kind: 'least', limit }) as const;
  const heights = network.loads.flatMap(({ heights: h, concurrency }) =>
    h && concurrency === NETWORK_CONCURRENCY ? [h.cpuMsPerNode] : [],
  );
  const time = { unit: 'ms', less: true };
  return [
    {
      ...time,
      name: `${REPLICAS} replicas, fresh directory, Ready`,
      value: median(network.readyMs),
      target: most(5_000),
    },
    {
      ...time,
      name: 'certified update, one at a time, p50',
      value: own(1, 'p50Ms'),
      target: most(200),
    },
    { ...time, name: 'the same, p99', value: own(1, 'p99Ms') },
    {
      name: `certified updates, c=${NETWORK_CONCURRENCY}`,
      unit: '/s',
      value: own(NETWORK_CONCURRENCY, 'perSecond'),
      target: least(400),
      less: false,
    },
    { ...time, name: 'the same, p50', value: own(NETWORK_CONCURRENCY, 'p50Ms') },
    { ...time, name: 'CPU per height and node under that load', value: median(heights) },
    {
      name: 'idle, all replicas together, of one core',
      unit: '%',
      value: (idle?.cpu ?? Number.NaN) * 100,
      target: most(10),
      less: true,
    },
    {
      name: 'memory (RSS) of a replica, idle',
      unit: 'MB',
      value: median(idle?.residentMb ?? []),
      less: true,
    },
  ];
}

function middle(
  loads: readonly NetworkLoad[],
  who: NetworkLoad['who'],
  concurrency: number,
  figure: keyof Measured,
): number {
  const matching = loads.filter((load) => load.who === who && load.concurrency === concurrency);
  return median(matching.map(({ figures }) => figures[figure]));
}

export function isNetworkGood(network: NetworkFigures): boolean {
  return network.problems.length === 0 && networkRows(network).every((row) => isMet(row) !== false);
}

export function networkMarkdown(network: NetworkFigures): string {
  const { machine, minutes, problems, loads, idle, requestBytes } = network;
  const figures = networkRows(network).map((row) => [
    row.name,
    show(row.value, row.unit),
    row.target
      ? `${row.target.kind === 'most' ? '≤' : '≥'} ${show(row.target.limit, row.unit)} ${isMet(row) ? '✓' : '✗'}`
      : '',
  ]);
  const parts = [
    '# Figures: a network of four',
    `${machineLine(machine)} Written by \`npm run bench -- network\` in ${minutes.toFixed(1)} minutes; replicas, etcd and generator share the cores.`,
    table(['figure', 'Internode', 'target'], figures),
    'Beside three processes of etcd 3.4 (Raft, fsync on), medians over the rounds:',
    table(['', 'Internode', 'etcd', 'Internode / etcd'], besides(loads)),
    ...(problems.length === 0
      ? []
      : [`**Not measured:**\n\n${problems.map((problem) => `- ${problem}`).join('\n')}`]),
    `Idle: ${show(idle?.heightsPerSecond)} heights/s.`,
    '## Each round',
    table(
      [
        'round',
        'who',
        'c',
        '/s',
        'p50 ms',
        'p99 ms',
        'CPU µs, all processes',
        'heights/s',
        'CPU ms per height and node',
        'others %',
      ],
      loads.map(({ round, who, concurrency, figures: f, heights }) => [
        `${round}`,
        who,
        `${concurrency}`,
        ...[f.perSecond, f.p50Ms, f.p99Ms, f.cpuUs].map((value) => show(value)),
        ...[heights?.perSecond, heights?.cpuMsPerNode, f.otherLoad * 100].map((value) =>
          show(value),
        ),
      ]),
    ),
    `## Method

- ${REPLICAS} replicas of \`internode network\` and three etcd members, all on loopback, all running all the time, loaded in turns by one generator:
  raw keep-alive HTTP/1.1, a closed loop, connections spread evenly over all replicas (members). What is sent is made before the clock starts.
- **An update** is one signed call of a Motoko counter's \`inc\` at \`/api/v4\`: ordered by four replicas, executed by all, answered with a BLS certificate
  that three of them signed. Every answer is read; one in 50 certificates is verified.
- **A write to etcd** is \`POST /v3/kv/put\` of a random value of ${requestBytes} bytes, as long as the request of an update, answered when a majority has it on disk.
- CPU is user and system time from /proc of all processes of a kind together. Rates and latencies depend on what else the machine does ("others"); CPU does not.`,
  ];
  return `${parts.join('\n\n')}\n`;
}

function besides(loads: readonly NetworkLoad[]): string[][] {
  const row = (name: string, concurrency: number, figure: keyof Measured): string[] => {
    const [own, other] = (['Internode', 'etcd'] as const).map((who) =>
      middle(loads, who, concurrency, figure),
    ) as [number, number];
    return [name, show(own), show(other), show(own / other, '×')];
  };
  return [
    row('one at a time, p50 ms', 1, 'p50Ms'),
    row(`c=${NETWORK_CONCURRENCY}, per second`, NETWORK_CONCURRENCY, 'perSecond'),
    row(`c=${NETWORK_CONCURRENCY}, p50 ms`, NETWORK_CONCURRENCY, 'p50Ms'),
    row(`c=${NETWORK_CONCURRENCY}, CPU µs each, all processes`, NETWORK_CONCURRENCY, 'cpuUs'),
  ];
}
