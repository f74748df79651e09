// How a room's events look to people. Rooms map events with a pure `Describe` in their telemetry.ts; only
// packages/telemetry knows what becomes of the answer.

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export type LogFields = Readonly<Record<string, string | number | bigint | boolean>>;

/** Labels have few values for ever: never a height, an id or text from outside. */
export type MetricLabels = Readonly<Record<string, string>>;

/**
 * `name` is `<noun>_<unit>` with the unit `seconds`, `bytes` or `total` (a gauge may be a bare noun); the service's name
 * is put before it: `blocks_total` of consensus is `internode_consensus_blocks_total`.
 */
export type MetricChange =
  | {
      readonly kind: 'count';
      readonly name: string;
      readonly by?: number;
      readonly labels?: MetricLabels;
    }
  | {
      readonly kind: 'gauge' | 'histogram';
      readonly name: string;
      readonly value: number;
      readonly labels?: MetricLabels;
    };

/** What an event tells of a block, for its trace. */
export interface BlockFact {
  readonly height: number;
  /** This node made the proposal just now. */
  readonly proposed?: boolean;
  readonly roundMs?: number;
  /** It was executed just now, at this cost. */
  readonly executed?: boolean;
  readonly attributes?: Readonly<Record<string, string | number | boolean>>;
}

export interface Description {
  readonly log?: { readonly level: LogLevel; readonly text: string; readonly fields?: LogFields };
  readonly metrics?: readonly MetricChange[];
  readonly block?: BlockFact;
}

export type Describe<Event> = (event: Event) => Description;
