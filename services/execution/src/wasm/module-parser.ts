/**
 * Reads the sections of a module, in order, with the limits of interface-spec 4.1. What it does not
 * check (types of operands, constant expressions' types) the engine's validator does.
 */
import { BodyAnalyzer } from './analyze.ts';
import { BinaryReader, malformed } from './binary-reader.ts';
import { ExportNames } from './export-names.ts';
import type { BodyContext, FunctionPlan, FunctionType, TableInfo } from './function-plan.ts';
import { referenceType, valueType } from './immediates.ts';
import { LIMIT } from './limits.ts';
import { checkEntryPoints, checkImports } from './link-checks.ts';
import { HEAP_CAP_PAGES } from './meta-memory.ts';
import type { ActiveData, CustomSection, ImportTable, MemoryInfo } from './types.ts';

const SECTION = {
  custom: 0,
  type: 1,
  import: 2,
  function: 3,
  table: 4,
  memory: 5,
  global: 6,
  export: 7,
  start: 8,
  element: 9,
  code: 10,
  data: 11,
  dataCount: 12,
} as const;

/** Rank by section id: data count stands before code. */
const RANK = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 10];

export interface Range {
  readonly start: number;
  readonly end: number;
}

export interface KeptExport {
  readonly name: string;
  readonly functionIndex: number;
}

export interface DataSegment extends Range {
  readonly active: boolean;
}

export class ModuleParser {
  readonly types: FunctionType[] = [];
  /** Type index of every function, imports first. */
  readonly functions: number[] = [];
  readonly imports: string[] = [];
  readonly tables: TableInfo[] = [];
  readonly globals: { readonly type: number; readonly mutable: boolean }[] = [];
  /** The entries of a section, without their count, to be copied. */
  readonly copied = new Map<number, Range>();
  readonly names = new ExportNames();
  readonly keptExports: KeptExport[] = [];
  /** Functions whose only declaration may be an export that is dropped. */
  readonly droppedExports = new Set<number>();
  readonly customSections: CustomSection[] = [];
  readonly activeData: ActiveData[] = [];
  readonly dataSegments: DataSegment[] = [];
  plans: readonly FunctionPlan[] = [];
  analyzer: BodyAnalyzer | undefined;
  memory: MemoryInfo | undefined;
  start: number | undefined;
  elementCount = 0;
  dataCount: number | undefined;
  readonly #bytes: Uint8Array;
  readonly #importTable: ImportTable;
  #icpBytes = 0;

  constructor(bytes: Uint8Array, imports: ImportTable) {
    this.#bytes = bytes;
    this.#importTable = imports;
  }

  /** Throws `Malformed`. */
  parse(): void {
    const reader = new BinaryReader(this.#bytes);
    const header = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
    if (header.some((byte) => byte !== reader.byte()))
      malformed('not a WebAssembly module, version 1');
    let last = 0;
    while (!reader.done) {
      const id = reader.byte();
      const size = reader.u32();
      const start = reader.position;
      reader.skip(size);
      const section = new BinaryReader(this.#bytes, start, start + size);
      if (id !== SECTION.custom) {
        const rank = RANK[id];
        if (rank === undefined) malformed(`section ${id} is not allowed`);
        if (rank <= last) malformed(`section ${id} is out of order or repeated`);
        last = rank;
      }
      this.#section(id, section);
      if (!section.done) malformed(`section ${id} is longer than its content`);
    }
    if (this.plans.length !== this.functions.length - this.imports.length) {
      malformed('function and code sections disagree');
    }
    if ((this.dataCount ?? this.dataSegments.length) !== this.dataSegments.length) {
      malformed('data count and data sections disagree');
    }
    checkImports(this, this.#importTable);
    checkEntryPoints(this);
  }

  #section(id: number, reader: BinaryReader): void {
    switch (id) {
      case SECTION.custom:
        return this.#custom(reader);
      case SECTION.type:
        return this.#typeSection(reader);
      case SECTION.import:
        return this.#importSection(reader);
      case SECTION.function:
        return this.#functionSection(reader);
      case SECTION.table:
        return this.#tableSection(reader);
      case SECTION.memory:
        return this.#memorySection(reader);
      case SECTION.global:
        return this.#globalSection(reader);
      case SECTION.export:
        return this.#exportSection(reader);
      case SECTION.start:
        this.start = reader.u32();
        return;
      case SECTION.element:
        return this.#elementSection(reader);
      case SECTION.dataCount:
        this.dataCount = reader.u32();
        return;
      case SECTION.code:
        return this.#codeSection(reader);
      default:
        return this.#dataSection(reader);
    }
  }

  #custom(reader: BinaryReader): void {
    const name = reader.name(LIMIT.nameBytes);
    const start = reader.position;
    reader.skip(reader.end - start);
    if (!name.startsWith('icp:')) return;
    const match = /^icp:(public|private) (.+)$/s.exec(name);
    if (match === null)
      malformed(`custom section '${name}' must be icp:public or icp:private and a name`);
    const [, visibility, short] = match as unknown as [string, 'public' | 'private', string];
    if (this.customSections.some((section) => section.name === short)) {
      malformed(`custom section '${short}' occurs more than once`);
    }
    this.#icpBytes += reader.end - start + name.length;
    if (this.customSections.length === LIMIT.icpSections) {
      malformed(`more than ${LIMIT.icpSections} icp custom sections`);
    }
    if (this.#icpBytes > LIMIT.icpBytes)
      malformed(`icp custom sections exceed ${LIMIT.icpBytes} bytes`);
    const content = this.#bytes.slice(start, reader.end);
    this.customSections.push({ visibility, name: short, content });
  }

  #keep(id: number, reader: BinaryReader): void {
    this.copied.set(id, { start: reader.position, end: reader.end });
  }

  #typeSection(reader: BinaryReader): void {
    const count = reader.count(LIMIT.types, 'types');
    this.#keep(SECTION.type, reader);
    const list = (): Uint8Array => {
      const length = reader.count(LIMIT.arity, 'parameters or results');
      const start = reader.position;
      for (let index = 0; index < length; index++) valueType(reader.byte());
      return this.#bytes.subarray(start, reader.position);
    };
    for (let index = 0; index < count; index++) {
      if (reader.byte() !== 0x60) malformed('only function types are allowed');
      this.types.push({ params: list(), results: list() });
    }
  }

  #importSection(reader: BinaryReader): void {
    const count = reader.count(LIMIT.functions, 'imports');
    this.#keep(SECTION.import, reader);
    for (let index = 0; index < count; index++) {
      const module = reader.name(LIMIT.nameBytes);
      const name = reader.name(LIMIT.nameBytes);
      if (module !== 'ic0') malformed(`import of '${module}.${name}': only ic0 can be imported`);
      if (reader.byte() !== 0) malformed(`import of '${name}': only functions can be imported`);
      this.#addFunction(reader.u32());
      this.imports.push(name);
    }
  }

  #addFunction(typeIndex: number): void {
    if (this.types[typeIndex] === undefined) malformed('a function has an unknown type');
    this.functions.push(typeIndex);
  }

  #functionSection(reader: BinaryReader): void {
    const count = reader.count(LIMIT.functions, 'functions');
    this.#keep(SECTION.function, reader);
    for (let index = 0; index < count; index++) this.#addFunction(reader.u32());
  }

  #limits(reader: BinaryReader): { is64: boolean; min: number; max: number | undefined } {
    const flags = reader.byte();
    if (flags > 5 || (flags & 2) !== 0) malformed('shared memories and tables are not allowed');
    const is64 = flags >= 4;
    const read = (): number => (is64 ? reader.u64() : reader.u32());
    const min = read();
    return { is64, min, max: (flags & 1) === 1 ? read() : undefined };
  }

  #tableSection(reader: BinaryReader): void {
    for (let count = reader.count(LIMIT.tables, 'tables'); count > 0; count--) {
      const type = referenceType(reader.byte());
      const { is64, min, max } = this.#limits(reader);
      if (min > LIMIT.tableElements)
        malformed(`a table has more than ${LIMIT.tableElements} elements`);
      if (max !== undefined && max < min) malformed("a table's maximum is below its minimum");
      this.tables.push({
        type,
        is64,
        min,
        max: Math.min(max ?? LIMIT.tableElements, LIMIT.tableElements),
      });
    }
  }

  #memorySection(reader: BinaryReader): void {
    const count = reader.count(1, 'memories');
    if (count === 0) return;
    const { is64, min, max } = this.#limits(reader);
    const cap = is64 ? HEAP_CAP_PAGES.wasm64 : HEAP_CAP_PAGES.wasm32;
    if (min > cap) malformed(`a memory of ${min} pages exceeds ${cap}`);
    if (max !== undefined && max < min) malformed("the memory's maximum is below its minimum");
    this.memory = { is64, pagesMin: min, pagesMax: Math.min(max ?? cap, cap) };
  }

  #globalSection(reader: BinaryReader): void {
    const count = reader.count(LIMIT.globals, 'globals');
    this.#keep(SECTION.global, reader);
    for (let index = 0; index < count; index++) {
      const type = valueType(reader.byte());
      const mutable = reader.byte();
      if (mutable > 1) malformed('bad mutability of a global');
      this.#constant(reader);
      this.globals.push({ type, mutable: mutable === 1 });
    }
  }

  /** A constant expression: one constant. Answers integers as unsigned, others as undefined. */
  #constant(reader: BinaryReader): bigint | undefined {
    const opcode = reader.byte();
    let value: bigint | undefined;
    switch (opcode) {
      case 0x41:
        value = BigInt.asUintN(32, reader.signed(32));
        break;
      case 0x42:
        value = BigInt.asUintN(64, reader.signed(64));
        break;
      case 0x43:
        reader.skip(4);
        break;
      case 0x44:
        reader.skip(8);
        break;
      case 0xd0:
        referenceType(reader.byte());
        break;
      case 0xd2:
        this.functionType(reader.u32());
        break;
      case 0xfd:
        if (reader.u32() !== 12) malformed('a constant expression must be one constant');
        reader.skip(16);
        break;
      default:
        malformed('a constant expression must be one constant');
    }
    if (reader.byte() !== 0x0b) malformed('a constant expression must be one constant');
    return value;
  }

  /** Of any function, imported or not. */
  functionType(index: number): FunctionType {
    const typeIndex = this.functions[index];
    if (typeIndex === undefined) return malformed('unknown function');
    return this.types[typeIndex] as FunctionType;
  }

  #exportSection(reader: BinaryReader): void {
    const seen = new Set<string>();
    for (let count = reader.count(LIMIT.exports, 'exports'); count > 0; count--) {
      const name = reader.name(LIMIT.nameBytes);
      if (seen.has(name)) malformed(`'${name}' is exported more than once`);
      seen.add(name);
      const kind = reader.byte();
      const index = reader.u32();
      if (kind > 3) malformed(`export '${name}' is of an unknown kind`);
      if (kind === 0) this.functionType(index);
      if (this.names.add(name, kind === 0)) this.keptExports.push({ name, functionIndex: index });
      else if (kind === 0) this.droppedExports.add(index);
    }
  }

  #elementSection(reader: BinaryReader): void {
    this.elementCount = reader.count(LIMIT.segments, 'element segments');
    this.#keep(SECTION.element, reader);
    let elements = 0;
    for (let index = 0; index < this.elementCount; index++) {
      const flags = reader.u32();
      if (flags > 7) malformed('bad flags of an element segment');
      if ((flags & 1) === 0) {
        const table = (flags & 2) === 0 ? 0 : reader.u32();
        if (this.tables[table] === undefined) malformed('unknown table');
        if (this.#constant(reader) === undefined) malformed('bad offset of an element segment');
      }
      const expressions = (flags & 4) !== 0;
      if ((flags & 3) !== 0) {
        const kind = reader.byte();
        if (expressions) referenceType(kind);
        else if (kind !== 0) malformed('bad kind of an element segment');
      }
      const count = reader.count(LIMIT.elements, 'elements');
      elements += count;
      if (elements > LIMIT.elements) malformed('too many elements');
      for (let item = 0; item < count; item++) {
        if (expressions) this.#constant(reader);
        else this.functionType(reader.u32());
      }
    }
  }

  #codeSection(reader: BinaryReader): void {
    if (reader.end - reader.position > LIMIT.codeBytes) {
      malformed(`the code section exceeds ${LIMIT.codeBytes} bytes`);
    }
    const count = reader.count(LIMIT.functions, 'functions');
    if (count !== this.functions.length - this.imports.length) {
      malformed('function and code sections disagree');
    }
    const analyzer = new BodyAnalyzer(this.#bodyContext());
    const plans: FunctionPlan[] = [];
    for (let index = 0; index < count; index++) {
      const size = reader.u32();
      const start = reader.position;
      reader.skip(size);
      const body = new BinaryReader(this.#bytes, start, start + size);
      const addedBefore = analyzer.edits.addedBytes;
      plans.push(analyzer.analyze(body, this.functions[this.imports.length + index] as number));
      const bytes = size + analyzer.edits.addedBytes - addedBefore;
      if (bytes > LIMIT.instrumentedFunctionBytes) malformed('a function is too large');
    }
    this.plans = plans;
    this.analyzer = analyzer;
  }

  #bodyContext(): BodyContext {
    const { types, functions, globals, tables, memory, elementCount, dataCount } = this;
    return { types, functions, globals, tables, memory, elementCount, dataCount };
  }

  #dataSection(reader: BinaryReader): void {
    for (let count = reader.count(LIMIT.segments, 'data segments'); count > 0; count--) {
      const flags = reader.u32();
      if (flags > 2) malformed('bad flags of a data segment');
      if (flags === 2 && reader.u32() !== 0) malformed('only memory 0 exists');
      const active = flags !== 1;
      const offset = active ? this.#constant(reader) : 0n;
      if (offset === undefined) malformed('bad offset of a data segment');
      if (active && this.memory === undefined) malformed('the module has no memory');
      const length = reader.u32();
      const start = reader.position;
      reader.skip(length);
      const end = reader.position;
      this.dataSegments.push({ active, start, end });
      if (active) this.activeData.push({ offset, start, end });
    }
  }
}
