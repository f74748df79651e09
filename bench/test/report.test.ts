import { expect, test } from 'vitest';
import { type Measured, parseMachineBusyMs, parseProcessCpuMs } from '../measure.ts';
import { flatness, isMet, ratioToBetterPeer, show, table } from '../report.ts';
import { markdownOfOutput, purposeOf } from '../stages.ts';
import { type Load, medianOf, turnOf, type Whole } from '../whole.ts';

const NAN = Number.NaN;

test('CPU time of a process whose name holds spaces and parentheses', () => {
  const numbers = Array.from({ length: 40 }, (_, index) => index + 3).join(' ');
  // Fields 14 and 15 of /proc/PID/stat, in ticks of 10 ms.
  expect(parseProcessCpuMs(`123 (node (x) y) S ${numbers.slice(2)}`)).toBe((14 + 15) * 10);
});

test('busy time of the machine leaves idle and waiting for disks out', () => {
  const stat = 'cpu  100 20 30 9999 8888 1 2 3 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n';
  expect(parseMachineBusyMs(stat)).toBe((100 + 20 + 30 + 1 + 2 + 3) * 10);
});

test('a target is met or not; what was not measured is not', () => {
  const most = { kind: 'most', limit: 12 } as const;
  const row = { name: '', unit: 'ms', less: true, target: most };
  expect([12, 12.1, NAN].map((value) => isMet({ ...row, value }))).toEqual([true, false, false]);
  const least = { ...row, target: { kind: 'least', limit: 2 } as const };
  expect([2, 1.9, NAN].map((value) => isMet({ ...least, value }))).toEqual([true, false, false]);
  expect(isMet({ name: '', unit: '', less: true, value: 1 })).toBeUndefined();
});

test('ratios are to the better peer, whichever way is better', () => {
  const peers = { hardhat: 400, anvil: 100 };
  const row = { name: '', unit: '', value: 200, peers };
  expect(ratioToBetterPeer({ ...row, less: false })).toBe(0.5);
  expect(ratioToBetterPeer({ ...row, less: true })).toBe(0.5);
  expect(ratioToBetterPeer({ ...row, less: false, peers: { hardhat: NAN, anvil: 100 } })).toBe(2);
  expect(ratioToBetterPeer({ ...row, less: false, peers: { hardhat: NAN, anvil: NAN } })).toBeNaN();
});

test('a median over rounds takes only the loads asked for', () => {
  const load = (who: Load['who'], perSecond: number): Load => ({
    operation: 'concurrent',
    who,
    round: 1,
    concurrency: 64,
    figures: { perSecond } as Measured,
  });
  const loads = [
    load('Internode', 1),
    load('Internode', 3),
    load('Internode', 8),
    load('anvil', 90),
  ];
  expect(medianOf(loads, { who: 'Internode', operation: 'concurrent' }, 'perSecond')).toBe(3);
  expect(medianOf(loads, { who: 'hardhat' }, 'perSecond')).toBeNaN();
});

test('flatness is the last tenth against the median', () => {
  const sustained = [100, 110, 90, 100, 80].map((perSecond) => ({ perSecond }));
  expect(flatness({ sustained } as unknown as Whole)).toBeCloseTo(0.8);
  expect(flatness({ sustained: [] } as unknown as Whole)).toBeNaN();
});

test('numbers as people read them', () => {
  expect([
    show(1234.5),
    show(99.95),
    show(1.234, 'ms'),
    show(12_345, '/s'),
    show(0.5, '×'),
    show(NAN),
  ]).toEqual(['1,235', '100.0', '1.23 ms', '12,345/s', '0.50×', '–']);
  expect(show(1_234_567)).toBe('1,234,567');
  expect(table(['a', 'b'], [['1', '2']])).toBe('| a | b |\n| --- | --- |\n| 1 | 2 |');
});

test('what a benchmark prints: tables stay tables, lines become a block', () => {
  expect(markdownOfOutput('note\n\n| a |\n| --- |\n| 1 |\nafter\n')).toBe(
    '```\nnote\n```\n\n| a |\n| --- |\n| 1 |\n\n```\nafter\n```',
  );
  expect(markdownOfOutput('\n')).toBe('');
});

test('what a benchmark says of itself', () => {
  expect(
    purposeOf('// node packages/x/bench/x.bench.ts\n// Decoding of things.\nimport x;\n// no'),
  ).toBe('Decoding of things.');
  expect(purposeOf('/**\n * What it costs.\n */\nimport x;')).toBe('What it costs.');
  expect(purposeOf('// Cost of x: node --expose-gc bench/x.bench.ts\nimport y;')).toBe(
    'Cost of x.',
  );
});

test('a turn is as long for everyone: as many operations as the last speed makes of it', () => {
  const size = { first: 3000, turnSeconds: 3 };
  expect(turnOf(undefined, size)).toBe(3000);
  expect([4000.4, 1900, 90].map((perSecond) => turnOf(perSecond, size))).toEqual([
    12_001, 5700, 270,
  ]);
  // Every connection does at least one.
  expect(turnOf(5, size)).toBe(64);
});
