/** What this room uses of the WebAssembly API: the compiler's libraries have it only with the DOM. */
declare namespace WebAssembly {
  class CompileError extends Error {}
  class LinkError extends Error {}
  class RuntimeError extends Error {}

  /** Sizes in 64 KiB pages; bigint when `address` is i64. */
  type MemoryDescriptor =
    | { readonly initial: number; readonly maximum: number }
    | { readonly address: 'i64'; readonly initial: bigint; readonly maximum: bigint };

  class Memory {
    constructor(descriptor: MemoryDescriptor);
    readonly buffer: ArrayBuffer;
  }

  class Global {
    value: number | bigint;
  }

  class Module {
    constructor(bytes: Uint8Array);
  }

  type Imports = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

  class Instance {
    constructor(module: Module, imports: Imports);
    readonly exports: Readonly<Record<string, unknown>>;
  }

  function validate(bytes: Uint8Array): boolean;
}
