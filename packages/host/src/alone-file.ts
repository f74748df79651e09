// What a service that runs in a process of its own is told, as a file: the settings of that one service, its secrets included, and
// nobody else's. JSON; bytes stand as { "hex": … }, maps as { "map": [[key, value], …] }, large integers as { "int": … }.
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Ports } from '@internode/actor';
import type { NatsOptions } from '@internode/bus/nats';
import { fromHex, toHex } from '@internode/prelude';
import type { HealthAddress } from './health-door.ts';
import type { HostOptions } from './host.ts';

const FORMAT = 1;

export interface AloneFile<Settings = unknown> {
  readonly service: string;
  /** What it is called among those of its service, such as `gateway-2`; absent: as the service is. */
  readonly unit?: string;
  readonly place: Ports['place'];
  readonly dataDir: string;
  /** Files that are not named in full stand beside this one. */
  readonly bus: NatsOptions;
  /** Where whoever looks after the process asks it how it is. */
  readonly health?: HealthAddress;
  readonly log: Pick<NonNullable<HostOptions['log']>, 'format' | 'level'>;
  readonly settings: Settings;
  /** Names traces of blocks. */
  readonly subnet: string;
}

/** Whole or not at all; for the owner's eyes only. */
export function writeAloneFile(path: string, file: AloneFile): void {
  const text = JSON.stringify({ format: FORMAT, ...file }, (_key, value) => packed(value), 2);
  const temporary = `${path}.tmp`;
  writeFileSync(temporary, `${text}\n`, { mode: 0o600 });
  renameSync(temporary, path);
}

/** Throws an `Error` that names the file and what is wrong with it. */
export function readAloneFile<Settings>(path: string, service: string): AloneFile<Settings> {
  try {
    const text = readFileSync(path, 'utf8');
    const file = JSON.parse(text, (_key, value) => unpacked(value)) as AloneFile<Settings> & {
      readonly format: unknown;
    };
    if (file.format !== FORMAT) throw new Error(`its format is not ${FORMAT}`);
    if (file.service !== service) throw new Error(`it is for ${file.service}, not for ${service}`);
    for (const name of ['place', 'dataDir', 'bus', 'log', 'settings', 'subnet'] as const)
      if (file[name] === undefined) throw new Error(`it has no "${name}"`);
    return { ...file, bus: besides(path, file.bus) };
  } catch (fault) {
    throw new Error(`${path}: ${(fault as Error).message}`, { cause: fault });
  }
}

function besides(path: string, bus: NatsOptions): NatsOptions {
  const { credentialsFile, caFile } = bus;
  const beside = (file: string): string => resolve(dirname(path), file);
  return {
    ...bus,
    ...(credentialsFile !== undefined && { credentialsFile: beside(credentialsFile) }),
    ...(caFile !== undefined && { caFile: beside(caFile) }),
  };
}

function packed(value: unknown): unknown {
  if (value instanceof Uint8Array) return { hex: toHex(value) };
  if (value instanceof Map) return { map: [...value] };
  if (typeof value === 'bigint') return { int: String(value) };
  return value;
}

function unpacked(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Object.keys(value).length !== 1) return value;
  const { hex, map, int } = value as Readonly<Record<string, unknown>>;
  if (typeof hex === 'string') return fromHex(hex);
  if (Array.isArray(map)) return new Map(map as [unknown, unknown][]);
  return typeof int === 'string' ? BigInt(int) : value;
}
