import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { rowsOf, testedRows } from '../checklist.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** What an agent and a Motoko counter need: all of it must stay under test. */
const ESSENTIAL_ROWS = 52;

const range = (first: number, last: number): number[] =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index);

describe('the conformance checklist', () => {
  test('rows are read from the beginnings of titles', () => {
    expect(rowsOf("test('row 7: x', () => {")).toEqual([7]);
    expect(rowsOf("  it('rows 1, 2 and 44: x', () => {")).toEqual([1, 2, 44]);
    expect(rowsOf("describe('rows 3 to 5: x', () => {")).toEqual([3, 4, 5]);
    expect(rowsOf("test.each([1])('row 8: v%i', () => {")).toEqual([8]);
    expect(rowsOf("test.each([1, 2])(\n  'rows 8 and 22: v%i', () => {")).toEqual([8, 22]);
    expect(rowsOf('test("row 9: it\'s", () => {')).toEqual([9]);
    expect(rowsOf("test('the row 7: x', () => {")).toEqual([]);
    expect(rowsOf("test('rows of seats', () => {")).toEqual([]);
    expect(rowsOf("// test('row', 7)\nconst text = 'row 7: x';")).toEqual([]);
  });

  test(`every row from 1 to ${ESSENTIAL_ROWS} has a test`, () => {
    const tested = testedRows(ROOT);
    expect(range(1, ESSENTIAL_ROWS).filter((row) => !tested.has(row))).toEqual([]);
  });
});
