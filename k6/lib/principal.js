const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';
const CHECKSUM_BYTES = 4;

/** Of a principal's text: base 32 in groups, with a checksum in front that the replica checks. */
export function principalBytes(text) {
  let bits = 0;
  let count = 0;
  const bytes = [];
  for (const letter of text.replaceAll('-', '')) {
    const value = ALPHABET.indexOf(letter);
    if (value < 0) throw new Error(`${text} is no principal`);
    bits = (bits << 5) | value;
    count += 5;
    if (count < 8) continue;
    count -= 8;
    bytes.push((bits >> count) & 0xff);
    bits &= (1 << count) - 1;
  }
  return Uint8Array.from(bytes.slice(CHECKSUM_BYTES));
}
