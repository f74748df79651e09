// The globals a pure room may touch, beside those of the language itself. Everything else of the machine is out of reach.
declare class TextEncoder {
  encode(input?: string): Uint8Array<ArrayBuffer>;
}
declare class TextDecoder {
  constructor(label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean });
  decode(input?: Uint8Array): string;
}
declare namespace WebAssembly {
  interface Memory {
    readonly buffer: ArrayBuffer;
    grow(delta: number | bigint): number | bigint;
  }
  const Memory: { new (descriptor: object): Memory; prototype: Memory };
  interface Global {
    value: unknown;
    valueOf(): unknown;
  }
  const Global: { new (descriptor: object, value?: unknown): Global; prototype: Global };
  interface Table {
    readonly length: number;
    get(index: number | bigint): unknown;
    set(index: number | bigint, value?: unknown): void;
    grow(delta: number | bigint, value?: unknown): number;
  }
  const Table: { new (descriptor: object): Table; prototype: Table };
  interface Module {
    readonly [Symbol.toStringTag]: string;
  }
  const Module: { new (bytes: Uint8Array): Module; prototype: Module };
  interface Instance {
    readonly exports: Record<string, unknown>;
  }
  const Instance: { new (module: Module, imports?: object): Instance; prototype: Instance };
  class RuntimeError extends Error {}
  class CompileError extends Error {}
  class LinkError extends Error {}
  function validate(bytes: Uint8Array): boolean;
}
declare module 'protobufjs/minimal.js' {
  export class Writer {
    readonly buf: Uint8Array;
    pos: number;
    states: number[] | null;
    uint32(value: number): Writer;
    uint64(value: { low: number; high: number; unsigned: boolean }): Writer;
    bool(value: boolean): Writer;
    bytes(value: Uint8Array): Writer;
    string(value: string): Writer;
    fork(): Writer;
    ldelim(): Writer;
    finish(shared?: boolean): Uint8Array;
  }
  export class Reader {
    constructor(bytes: Uint8Array);
    buf: Uint8Array;
    pos: number;
    len: number;
    uint32(): number;
    uint64(): unknown;
    bool(): boolean;
    skip(length: number): Reader;
    skipType(wireType: number): Reader;
  }
}
