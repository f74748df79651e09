// The command line of the simulator, read and judged.
import { execFileSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import type { Hazards } from './hazards.ts';
import { CRYPTO_KINDS, type NodesWanted, type Seeds } from './seeds.ts';
import { readFaults, readTroubles } from './shape.ts';

export const HELP = `npm run sim -- [flags]: simulated lives of replicas and of networks of them, under crashes, loss, partitions,
slow and torn disks, and members that are not honest

Flags
  --seed TEXT       first seed; each next one is this text and a number        (0)
  --seeds N         so many lives                                              (1, or as many as --seconds allows)
  --seconds S       begin no life after this time
  --nodes N         replicas of a subnet; mixed: 1, 4, 7, 13, and 40 now and then; small: no 40   (mixed; with --ci small)
  --crypto KIND     real, stand-in, or mixed: every 50th small life real       (mixed)
  --lines N         the last N events of each life, also of those that went well
  --workers N       lives at a time                                            (one for each core, 8 at most)
  --report FILE     one HTML page with the heights of each node over time, of the first life or the one that failed
  --ci              the commit is the first seed; 60 seconds unless said otherwise
  --json            the result as one object
  --scale N         instead: how fast N nodes in 20 data centres agree; see sim/scale.ts   (--scale all: the whole table)

A failing life
  --shrink          makes it smaller: less dishonesty, less trouble, less time, fewer draws
  --draws N         randomness ends after N draws of each stream
  --faults LIST     who is not honest: 3=twin,5=silent+forger; or none
  --epochs N        heights of an epoch; or none
  --lost-disk N     the member that loses its disks; or none
  --without LIST    kinds of trouble that are left out: busLoss,splitEveryMs
  --trouble-ms N    how long trouble lasts

Examples
  npm run sim -- --seed 7
  npm run sim -- --seconds 60 --nodes 4
  npm run sim -- --seed 7/312 --nodes 4 --shrink --report life.html
`;

const CI_SECONDS = 60;
const NODES_MAX = 100;

export interface Flags {
  readonly help: boolean;
  readonly seeds: Seeds;
  readonly count: number;
  readonly seconds: number | undefined;
  readonly workers: number | undefined;
  readonly shrink: boolean;
  readonly json: boolean;
  readonly report: string | undefined;
  readonly scale: number | 'all' | undefined;
}

export function readFlags(): Flags {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string' },
      seeds: { type: 'string' },
      seconds: { type: 'string' },
      nodes: { type: 'string' },
      crypto: { type: 'string', default: 'mixed' },
      draws: { type: 'string' },
      faults: { type: 'string' },
      epochs: { type: 'string' },
      'lost-disk': { type: 'string' },
      without: { type: 'string' },
      'trouble-ms': { type: 'string' },
      lines: { type: 'string' },
      workers: { type: 'string' },
      report: { type: 'string' },
      scale: { type: 'string' },
      shrink: { type: 'boolean', default: false },
      ci: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const crypto = CRYPTO_KINDS.find((kind) => kind === values.crypto);
  if (!crypto) throw new Error(`--crypto ${values.crypto} is unknown: ${CRYPTO_KINDS.join(', ')}`);
  const draws = number('draws', values.draws);
  const safetyMs = number('trouble-ms', values['trouble-ms']);
  const seconds = number('seconds', values.seconds) ?? (values.ci ? CI_SECONDS : undefined);
  const { help, shrink, json, report, scale } = values;
  return {
    help,
    shrink,
    json,
    report,
    scale: scale === undefined || scale === 'all' ? scale : number('scale', scale),
    seconds,
    workers: number('workers', values.workers),
    count: number('seeds', values.seeds) ?? (seconds === undefined ? 1 : Number.POSITIVE_INFINITY),
    seeds: {
      base: values.seed ?? (values.ci ? commit() : '0'),
      nodes: nodesOf(values.nodes ?? (values.ci ? 'small' : 'mixed')),
      crypto,
      lines: number('lines', values.lines),
      shape: {
        without: values.without === undefined ? [] : readTroubles(values.without),
        ...(values.faults !== undefined && { faults: readFaults(values.faults) }),
        ...hazardsIn(values.epochs, values['lost-disk']),
        ...(draws !== undefined && { draws }),
        ...(safetyMs !== undefined && { safetyMs }),
      },
    },
  };
}

/** What is not said is drawn from the seed. */
function hazardsIn(
  epochs: string | undefined,
  disk: string | undefined,
): { readonly hazards?: Partial<Hazards> } {
  if (epochs === undefined && disk === undefined) return {};
  const hazards = {
    ...(epochs !== undefined && { epochLength: epochs === 'none' ? 0 : count('epochs', epochs) }),
    ...(disk !== undefined && {
      lostDisk: disk === 'none' ? ('none' as const) : count('lost-disk', disk),
    }),
  };
  return { hazards };
}

/** From 0 on. */
function count(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0)
    throw new Error(`--${name} ${text} is not a whole number`);
  return value;
}

function nodesOf(text: string): NodesWanted {
  if (text === 'mixed' || text === 'small') return text;
  const nodes = Number(text);
  if (!Number.isInteger(nodes) || nodes < 1 || nodes > NODES_MAX)
    throw new Error(`--nodes ${text} is not a number from 1 to ${NODES_MAX}, mixed nor small`);
  return nodes;
}

function number(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!(value > 0)) throw new Error(`--${name} ${text} is not a positive number`);
  return value;
}

function commit(): string {
  return execFileSync('git', ['rev-parse', 'HEAD'], { encoding: 'utf8' }).trim();
}
