// The attacker in a process of its own: forked by replicas.ts, told whom to attack, says in the end what it did.
import type { PeerAddress } from '@internode/contracts';
import { selfAuthenticating } from '@internode/encoding';
import { fromHex } from '@internode/prelude';
import { identityOfSecret } from '../test/live.ts';
import { Attack } from './attack.ts';

export interface Orders {
  /** Hexadecimal, as all bytes here. */
  readonly secret: string;
  readonly targets: readonly { readonly publicKey: string; readonly address: string }[];
  readonly seed: number;
  readonly seconds: number;
  /** One kind of attack only. */
  readonly act?: string;
}

process.once('message', async ({ secret, targets, seed, seconds, act }: Orders) => {
  const peers = targets.map(({ publicKey, address }): PeerAddress => {
    const key = fromHex(publicKey);
    return { nodeId: selfAuthenticating(key), publicKey: key, address };
  });
  const attack = new Attack(identityOfSecret(fromHex(secret)), peers, seed);
  await attack.run(seconds * 1_000, undefined, act);
  process.send?.(attack.text(), () => process.exit(0));
});
