/** What the sandbox needs from the place it runs in: synchronous, and deciding nothing. */
export interface SandboxPorts {
  /** Unpacks gzip; undefined when it is damaged or holds more than `bytesMax`. */
  readonly inflate: (bytes: Uint8Array, bytesMax: number) => Uint8Array | undefined;
  /** Instrumented modules kept beyond this process. What it answers must be what was stored. */
  readonly cache: InstrumentedCache | undefined;
}

export interface InstrumentedCache {
  load(key: string): Uint8Array | undefined;
  store(key: string, bytes: Uint8Array): void;
}
