/** What the analysis of code needs to know of a module, and what it says of each function. */

export interface FunctionType {
  /** Encoded value types. */
  readonly params: Uint8Array;
  readonly results: Uint8Array;
}

export interface TableInfo {
  readonly type: number;
  readonly is64: boolean;
  readonly min: number;
  readonly max: number;
}

/** What a body may refer to. */
export interface BodyContext {
  readonly types: readonly FunctionType[];
  /** Type index of every function, imports first. */
  readonly functions: readonly number[];
  readonly globals: readonly { readonly type: number; readonly mutable: boolean }[];
  readonly tables: readonly TableInfo[];
  readonly memory: { readonly is64: boolean } | undefined;
  readonly elementCount: number;
  readonly dataCount: number | undefined;
}

/** How to rewrite one function. Positions are those of the original module. */
export interface FunctionPlan {
  readonly typeIndex: number;
  /** Where the declarations of locals and the instructions begin, and where the body ends. */
  readonly localsAt: number;
  readonly codeAt: number;
  readonly end: number;
  readonly paramCount: number;
  /** Parameters included. */
  readonly localCount: number;
  readonly heightMax: number;
  readonly hasCalls: boolean;
  readonly hasLoop: boolean;
  /** Basic blocks that are charged. */
  readonly blocks: number;
  readonly editFrom: number;
  readonly editTo: number;
  /** Direct calls, in `BodyAnalyzer.calls`. */
  readonly callFrom: number;
  readonly callTo: number;
  readonly callsIndirectly: boolean;
  /** Weight of all its instructions that can be reached. */
  readonly cost: number;
}

/** Function indices, of all direct calls of a module in order. */
export class CallTargets {
  count = 0;
  callee = new Int32Array(256);

  add(callee: number): void {
    if (this.count === this.callee.length) {
      const larger = new Int32Array(this.count * 2);
      larger.set(this.callee);
      this.callee = larger;
    }
    this.callee[this.count++] = callee;
  }
}
