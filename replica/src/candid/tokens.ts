// Tokens shared by the two little languages of Candid: interface descriptions (.did) and textual values.

export interface Token {
  readonly kind: 'word' | 'text' | 'number' | 'sign' | 'end';
  readonly text: string;
  readonly at: number;
}

export class CandidFault extends Error {}

const PATTERN =
  /\s+|\/\/[^\n]*|\/\*[\s\S]*?\*\/|([A-Za-z_][A-Za-z0-9_]*)|"((?:[^"\\]|\\.)*)"|([+-]?(?:0x[0-9a-fA-F_]+|\d[\d_]*(?:\.\d*)?(?:[eE][+-]?\d+)?))|(->|[(){}:;,=.])/y;

export function tokenize(source: string): Token[] {
  const tokens: Token[] = [];
  PATTERN.lastIndex = 0;
  while (PATTERN.lastIndex < source.length) {
    const at = PATTERN.lastIndex;
    const match = PATTERN.exec(source);
    if (!match)
      throw new CandidFault(
        `unexpected ${JSON.stringify(source.slice(at, at + 12))} at position ${at}`,
      );
    const [, word, text, number, sign] = match;
    if (word !== undefined) tokens.push({ kind: 'word', text: word, at });
    else if (text !== undefined) tokens.push({ kind: 'text', text, at });
    else if (number !== undefined) tokens.push({ kind: 'number', text: number, at });
    else if (sign !== undefined) tokens.push({ kind: 'sign', text: sign, at });
  }
  tokens.push({ kind: 'end', text: 'end of input', at: source.length });
  return tokens;
}

/** A cursor over tokens with the few moves both parsers need. */
export class Cursor {
  readonly #tokens: readonly Token[];
  #index = 0;

  constructor(source: string) {
    this.#tokens = tokenize(source);
  }

  get token(): Token {
    return this.#tokens[this.#index] as Token;
  }

  get next(): Token {
    return this.#tokens[Math.min(this.#index + 1, this.#tokens.length - 1)] as Token;
  }

  take(): Token {
    const token = this.token;
    if (token.kind !== 'end') this.#index += 1;
    return token;
  }

  is(text: string): boolean {
    return this.token.kind !== 'text' && this.token.text === text;
  }

  accept(text: string): boolean {
    if (!this.is(text)) return false;
    this.take();
    return true;
  }

  expect(text: string): void {
    if (!this.accept(text)) this.fail(`expected ${text}`);
  }

  fail(message: string): never {
    throw new CandidFault(`${message}, found ${this.token.text} at position ${this.token.at}`);
  }
}

/** The bytes of a quoted text: escapes \n \r \t \\ \" \' \u{…} and \hh (a raw byte). */
export function unescapeBytes(text: string): Uint8Array {
  const encoder = new TextEncoder();
  const bytes: number[] = [];
  for (const match of text.matchAll(/\\u\{([0-9a-fA-F]+)\}|\\([0-9a-fA-F]{2})|\\(.)|([^\\]+)/gu)) {
    const [, point, byte, escaped, plain] = match;
    if (point !== undefined)
      bytes.push(...encoder.encode(String.fromCodePoint(Number.parseInt(point, 16))));
    else if (byte !== undefined) bytes.push(Number.parseInt(byte, 16));
    else if (plain !== undefined) bytes.push(...encoder.encode(plain));
    else
      bytes.push(...encoder.encode({ n: '\n', r: '\r', t: '\t' }[escaped ?? ''] ?? escaped ?? ''));
  }
  return Uint8Array.from(bytes);
}
