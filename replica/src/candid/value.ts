// Candid text -> JavaScript values for the official library's encoder, guided by the method's types, and back for printing.
import { IDL } from '@icp-sdk/core/candid';
import { Principal } from '@icp-sdk/core/principal';
import { CandidFault, Cursor, unescapeBytes } from './tokens.ts';

/** `(1, "two")` or `1` for a method of these parameters. Missing trailing `opt` arguments are null. */
export function parseArguments(source: string, types: readonly IDL.Type[]): unknown[] {
  const cursor = new Cursor(source.trim() === '' ? '()' : source);
  const bracketed = cursor.accept('(');
  const values: unknown[] = [];
  for (const type of types) {
    const ended = cursor.is(')') || cursor.token.kind === 'end';
    if (ended && type instanceof IDL.OptClass) values.push([]);
    else if (ended)
      throw new CandidFault(`argument ${values.length + 1} is missing: expected ${type.display()}`);
    else values.push(parseValue(cursor, type));
    cursor.accept(',');
  }
  if (bracketed && !cursor.accept(')'))
    cursor.fail(`the method takes ${types.length} arguments: expected )`);
  if (cursor.token.kind !== 'end') cursor.fail(`the method takes ${types.length} arguments`);
  return values;
}

function parseValue(cursor: Cursor, given: IDL.Type): unknown {
  const type = given instanceof IDL.RecClass ? (given.getType() ?? given) : given;
  if (type instanceof IDL.OptClass) return parseOption(cursor, type);
  if (type instanceof IDL.VecClass) return parseVector(cursor, type);
  if (type instanceof IDL.RecordClass) return parseRecord(cursor, type);
  if (type instanceof IDL.VariantClass) return parseVariant(cursor, type);
  const value = parseScalar(cursor, type);
  if (cursor.accept(':')) cursor.take();
  return value;
}

function parseScalar(cursor: Cursor, type: IDL.Type): unknown {
  const token = cursor.take();
  if (type === IDL.Text && token.kind === 'text')
    return new TextDecoder().decode(unescapeBytes(token.text));
  if (type === IDL.Bool && (token.text === 'true' || token.text === 'false'))
    return token.text === 'true';
  if (type === IDL.Null && token.text === 'null') return null;
  if (type === IDL.Principal) {
    const quoted = token.text === 'principal' ? cursor.take() : token;
    return Principal.fromText(quoted.text);
  }
  if (token.kind === 'number') {
    const digits = token.text.replaceAll('_', '');
    if (type instanceof IDL.FloatClass) return Number(digits);
    if (/^[+-]?(0x[0-9a-fA-F]+|\d+)$/.test(digits)) {
      const value = digits.startsWith('-')
        ? -BigInt(digits.slice(1))
        : BigInt(digits.replace('+', ''));
      const narrow =
        (type instanceof IDL.FixedNatClass || type instanceof IDL.FixedIntClass) &&
        type._bits <= 32;
      return narrow ? Number(value) : value;
    }
  }
  throw new CandidFault(`expected ${type.display()}, found ${token.text} at position ${token.at}`);
}

function parseOption(cursor: Cursor, type: IDL.OptClass<unknown>): unknown[] {
  if (cursor.accept('null')) return [];
  cursor.accept('opt');
  return [parseValue(cursor, type._type)];
}

function parseVector(cursor: Cursor, type: IDL.VecClass<unknown>): unknown {
  if (cursor.is('blob') || cursor.token.kind === 'text') {
    cursor.accept('blob');
    return unescapeBytes(cursor.take().text);
  }
  cursor.expect('vec');
  cursor.expect('{');
  const values: unknown[] = [];
  while (!cursor.accept('}')) {
    values.push(parseValue(cursor, type._type));
    cursor.accept(';');
  }
  return values;
}

function parseRecord(cursor: Cursor, type: IDL.RecordClass): unknown {
  cursor.expect('record');
  cursor.expect('{');
  const known = new Map(type._fields);
  const found = new Map<string, unknown>();
  while (!cursor.accept('}')) {
    const labelled = cursor.next.kind === 'sign' && cursor.next.text === '=';
    const label = labelled ? fieldName(cursor) : `_${found.size}_`;
    if (labelled) cursor.expect('=');
    const field = known.get(label);
    if (!field) cursor.fail(`no field ${label}; there are: ${[...known.keys()].join(', ')}`);
    found.set(label, parseValue(cursor, field));
    cursor.accept(';');
  }
  for (const [name, field] of known) {
    if (found.has(name)) continue;
    if (!(field instanceof IDL.OptClass)) throw new CandidFault(`field ${name} is missing`);
    found.set(name, []);
  }
  if (type instanceof IDL.TupleClass) return [...known.keys()].map((name) => found.get(name));
  return Object.fromEntries(found);
}

function fieldName(cursor: Cursor): string {
  const token = cursor.take();
  return token.kind === 'number' ? `_${token.text}_` : token.text;
}

function parseVariant(cursor: Cursor, type: IDL.VariantClass): unknown {
  cursor.expect('variant');
  cursor.expect('{');
  const label = fieldName(cursor);
  const field = new Map(type._fields).get(label);
  if (!field)
    cursor.fail(`no variant ${label}; there are: ${type._fields.map(([name]) => name).join(', ')}`);
  const value = cursor.accept('=') ? parseValue(cursor, field) : null;
  cursor.accept(';');
  cursor.expect('}');
  return { [label]: value };
}

/** Values as Candid text, as `icp canister call` prints them. */
export function printValues(values: readonly unknown[], types: readonly IDL.Type[]): string {
  return `(${types.map((type, index) => type.valueToString(values[index])).join(', ')})`;
}
