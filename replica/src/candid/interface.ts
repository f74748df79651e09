// Reads a canister's interface description (metadata `candid:service`) into the official library's types.
import { IDL } from '@icp-sdk/core/candid';
import { Cursor, unescapeBytes } from './tokens.ts';

export interface CandidInterface {
  readonly methods: ReadonlyMap<string, IDL.FuncClass>;
}

const PRIMITIVES: Readonly<Record<string, IDL.Type>> = {
  null: IDL.Null,
  bool: IDL.Bool,
  nat: IDL.Nat,
  int: IDL.Int,
  text: IDL.Text,
  principal: IDL.Principal,
  nat8: IDL.Nat8,
  nat16: IDL.Nat16,
  nat32: IDL.Nat32,
  nat64: IDL.Nat64,
  int8: IDL.Int8,
  int16: IDL.Int16,
  int32: IDL.Int32,
  int64: IDL.Int64,
  float32: IDL.Float32,
  float64: IDL.Float64,
  reserved: IDL.Reserved,
  empty: IDL.Empty,
};

class Parser {
  readonly #cursor: Cursor;
  readonly #named = new Map<string, IDL.RecClass>();
  readonly #methods = new Map<string, IDL.FuncClass>();
  readonly #services = new Map<string, ReadonlyMap<string, IDL.FuncClass>>();

  constructor(source: string) {
    this.#cursor = new Cursor(source);
  }

  parse(): CandidInterface {
    const cursor = this.#cursor;
    while (cursor.token.kind !== 'end') {
      if (cursor.accept('type')) this.#definition();
      else if (cursor.accept('service')) this.#service();
      else cursor.fail('expected type or service');
      cursor.accept(';');
    }
    return { methods: this.#methods };
  }

  #definition(): void {
    const name = this.#cursor.take().text;
    this.#cursor.expect('=');
    if (this.#cursor.is('service')) {
      this.#cursor.take();
      this.#cursor.accept(':');
      this.#services.set(name, this.#methodList());
      return;
    }
    this.#reference(name).fill(this.#type());
  }

  /** `service : (init) -> { … }` or `service : name`. */
  #service(): void {
    const cursor = this.#cursor;
    if (cursor.token.kind === 'word') cursor.take();
    cursor.expect(':');
    if (cursor.is('(')) {
      this.#tuple();
      cursor.expect('->');
    }
    const methods = cursor.is('{') ? this.#methodList() : this.#services.get(cursor.take().text);
    for (const [name, method] of methods ?? []) this.#methods.set(name, method);
  }

  #methodList(): Map<string, IDL.FuncClass> {
    const cursor = this.#cursor;
    const methods = new Map<string, IDL.FuncClass>();
    cursor.expect('{');
    while (!cursor.accept('}')) {
      const name = this.#label();
      cursor.expect(':');
      const type = cursor.is('(') ? this.#function() : this.#type();
      methods.set(name, (type instanceof IDL.RecClass ? type.getType() : type) as IDL.FuncClass);
      cursor.accept(';');
    }
    return methods;
  }

  #function(): IDL.FuncClass {
    const cursor = this.#cursor;
    const parameters = this.#tuple();
    cursor.expect('->');
    const results = this.#tuple();
    const modes: string[] = [];
    while (['query', 'composite_query', 'oneway'].includes(cursor.token.text))
      modes.push(cursor.take().text);
    return IDL.Func(parameters, results, modes);
  }

  #tuple(): [IDL.Type, ...IDL.Type[]] | [] {
    const cursor = this.#cursor;
    const types: [IDL.Type, ...IDL.Type[]] | [] = [];
    cursor.expect('(');
    while (!cursor.accept(')')) {
      if (cursor.next.text === ':' && cursor.next.kind === 'sign') {
        cursor.take();
        cursor.take();
      }
      (types as IDL.Type[]).push(this.#type());
      cursor.accept(',');
    }
    return types;
  }

  #label(): string {
    const token = this.#cursor.take();
    return token.kind === 'text' ? new TextDecoder().decode(unescapeBytes(token.text)) : token.text;
  }

  #type(): IDL.Type {
    const cursor = this.#cursor;
    const { text } = cursor.take();
    switch (text) {
      case 'opt':
        return IDL.Opt(this.#type());
      case 'vec':
        return IDL.Vec(this.#type());
      case 'blob':
        return IDL.Vec(IDL.Nat8);
      case 'record':
        return this.#record();
      case 'variant':
        return IDL.Variant(this.#fields(true));
      case 'func':
        return this.#function();
      case 'service': {
        cursor.accept(':');
        return IDL.Service(Object.fromEntries(this.#methodList()));
      }
      default:
        return PRIMITIVES[text] ?? this.#reference(text);
    }
  }

  #record(): IDL.Type {
    const fields = this.#fields(false);
    const names = Object.keys(fields);
    const isTuple = names.length > 0 && names.every((name, index) => name === `_${index}_`);
    return isTuple ? IDL.Tuple(...Object.values(fields)) : IDL.Record(fields);
  }

  /** Fields without a label are numbered; the library names a numeric label `_n_`. */
  #fields(variant: boolean): Record<string, IDL.Type> {
    const cursor = this.#cursor;
    const fields: Record<string, IDL.Type> = {};
    let position = 0;
    cursor.expect('{');
    while (!cursor.accept('}')) {
      const labelled = cursor.next.kind === 'sign' && cursor.next.text === ':';
      if (labelled || variant) {
        const numeric = cursor.token.kind === 'number';
        const label = this.#label();
        if (numeric) position = Number(label) + 1;
        fields[numeric ? `_${label}_` : label] = cursor.accept(':') ? this.#type() : IDL.Null;
      } else {
        fields[`_${position}_`] = this.#type();
        position += 1;
      }
      cursor.accept(';');
    }
    return fields;
  }

  #reference(name: string): IDL.RecClass {
    const known = this.#named.get(name) ?? IDL.Rec();
    this.#named.set(name, known);
    return known;
  }
}

/** Throws CandidFault with the position of the first thing not understood. */
export function parseInterface(source: string): CandidInterface {
  return new Parser(source).parse();
}
