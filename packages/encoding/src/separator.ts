import { assert, utf8 } from '@internode/prelude';

/** `byte(length) · name`, the prefix of everything hashed or signed (spec, "Domain separators"). */
export function separator(name: string): Uint8Array {
  const text = utf8(name);
  assert(text.length < 256, 'separator: name too long');
  const bytes = new Uint8Array(1 + text.length);
  bytes[0] = text.length;
  bytes.set(text, 1);
  return bytes;
}
