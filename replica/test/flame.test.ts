import type { CpuProfile, ThreadProfile } from '@internode/host';
import { describe, expect, test } from 'vitest';
import { flameOf, roomOf } from '../src/profile/flame.ts';
import { flamePage } from '../src/profile/flame-page.ts';

const STEP = 'file:///x/services/consensus/src/core/consensus.ts';
const BUS = 'file:///x/packages/bus/src/memory.ts';

/** A chain of frames per stack, outermost first; each is sampled so many times, 100 µs apart. */
function profile(
  stacks: readonly { frames: readonly [string, string][]; samples: number }[],
): CpuProfile {
  const nodes: {
    id: number;
    callFrame: { functionName: string; url: string };
    children: number[];
  }[] = [{ id: 1, callFrame: { functionName: '(root)', url: '' }, children: [] }];
  const samples: number[] = [];
  for (const stack of stacks) {
    let parent = nodes[0];
    for (const [functionName, url] of stack.frames) {
      const node = { id: nodes.length + 1, callFrame: { functionName, url }, children: [] };
      parent?.children.push(node.id);
      nodes.push(node);
      parent = node;
    }
    samples.push(...new Array<number>(stack.samples).fill(parent?.id ?? 1));
  }
  return { nodes, startTime: 0, samples, timeDeltas: samples.map(() => 100) };
}

const THREADS: readonly ThreadProfile[] = [
  {
    thread: 'main',
    profile: profile([
      {
        frames: [
          ['deliver', BUS],
          ['step', STEP],
        ],
        samples: 3,
      },
      {
        frames: [
          ['deliver', BUS],
          ['step', STEP],
          ['encode', BUS],
        ],
        samples: 2,
      },
      { frames: [['deliver', BUS]], samples: 1 },
      { frames: [['(idle)', '']], samples: 50 },
      {
        frames: [
          ['post', 'node:inspector'],
          ['deliver', BUS],
        ],
        samples: 9,
      },
    ]),
  },
  { thread: 'aside', profile: profile([{ frames: [['(garbage collector)', '']], samples: 4 }]) },
];

describe('a flame', () => {
  test('adds stacks up by thread, without idle time and the taking itself', () => {
    const { root, rooms, functions } = flameOf(THREADS);
    expect(root.us).toBe(1_000);
    expect([...root.below.values()].map(({ name, us }) => [name, us])).toEqual([
      ['main', 600],
      ['aside', 400],
    ]);
    const deliver = [...(root.below.values().next().value?.below.values() ?? [])];
    expect(deliver.map(({ name, us }) => [name, us])).toEqual([['deliver', 600]]);
    expect([...rooms]).toEqual([
      ['garbage collector', 400],
      ['services/consensus', 300],
      ['packages/bus', 300],
    ]);
    expect(functions[0]).toEqual({
      name: '(garbage collector)',
      room: 'garbage collector',
      us: 400,
    });
    expect(functions.find(({ name }) => name === 'step')?.us).toBe(300);
  });

  test('of one service has the stacks that lead through it', () => {
    const { root, rooms } = flameOf(THREADS, 'consensus');
    expect(root.us).toBe(500);
    expect([...rooms]).toEqual([
      ['services/consensus', 300],
      ['packages/bus', 200],
    ]);
    expect(flameOf(THREADS, 'state').root.us).toBe(0);
  });

  test.each([
    ['f', STEP, 'services/consensus'],
    ['f', 'file:///x/node_modules/@grpc/grpc-js/build/call.js', '@grpc/grpc-js'],
    ['f', 'node:internal/http2/core', 'node'],
    ['wasm-function[7]', 'wasm://wasm/1234', 'canisters and Wasm'],
    ['(program)', '', 'V8 and kernel'],
    ['f', 'file:///x/replica/src/main.ts', 'replica'],
    ['f', '', ''],
  ])('%s of %s belongs to %s', (functionName, url, room) => {
    expect(roomOf({ functionName, url })).toBe(room);
  });

  test('the page holds names as text, however a canister named its functions', () => {
    const evil = '</script><script>alert(1)</script>$&';
    const threads = [
      { thread: 'main', profile: profile([{ frames: [[evil, 'wasm://wasm/1']], samples: 1 }]) },
    ];
    const page = flamePage(flameOf(threads), { title: evil, text: '' });
    expect(page.match(/<\/script>/g)).toHaveLength(2);
    const data =
      /<script type="application\/json" id="data">(.*?)<\/script>/s.exec(page)?.[1] ?? '';
    expect(JSON.parse(data)).toMatchObject({
      title: evil,
      root: ['all', '', 100, [['main', '', 100, [[evil, 'canisters and Wasm', 100, []]]]]],
    });
  });

  test('what nobody could see is left out of the page, and long names are cut', () => {
    const frames = Array.from({ length: 3_000 }, (_, i) => ({
      frames: [[`f${i}`, BUS]] as [string, string][],
      samples: 1,
    }));
    const wide = { frames: [['w'.repeat(10_000), BUS]] as [string, string][], samples: 3_000 };
    const page = flamePage(flameOf([{ thread: 'main', profile: profile([wide, ...frames]) }]), {
      title: '',
      text: '',
    });
    expect(page.length).toBeLessThan(10_000);
    expect(page).toContain('w'.repeat(120));
    expect(page).not.toContain('w'.repeat(121));
  });
});
