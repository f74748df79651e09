import { expect, test } from 'vitest';
import { marksWasm } from '../canisters/marks.ts';

test('marks sets its timer again after an upgrade, which ends the one that was set', async () => {
  const timers: bigint[] = [];
  const known: { readonly [name: string]: unknown } = {
    time: () => 5n,
    global_timer_set: (at: bigint) => {
      timers.push(at);
      return 0n;
    },
  };
  const nothing = (): number => 0;
  const ic0 = new Proxy(known, { get: (target, name) => target[String(name)] ?? nothing });
  const module = new WebAssembly.Module(await marksWasm());
  const { exports } = new WebAssembly.Instance(module, { ic0 } as never);
  (exports['canister_post_upgrade'] as () => void)();
  expect(timers).toEqual([20_000_005n]);
});
