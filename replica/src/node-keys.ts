// A node's own keys, and the file in which its operator describes it to whoever makes or changes the record.
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { principalToText } from '@internode/encoding';
import { lockDataDir } from '@internode/host';
import { writeDocument } from './ceremony/documents.ts';
import { describeNode, faultOfNode, type Operator } from './ceremony/rounds.ts';
import { prepareDataDir, writeDurably } from './data-dir.ts';
import { makeNodeSecrets, nodeRecordOf } from './genesis.ts';
import { isMemberDir, readNodeSecrets, writeNodeSecrets, writePeerPlaces } from './member.ts';
import { StartFault } from './start-fault.ts';

const RANDOM_BYTES = 32;

/** The secrets in a directory; made when there are none, unless they have to be there. */
export function nodeSecretsIn(dataDir: string, bls: Operator['bls'], mustExist: boolean) {
  if (isMemberDir(dataDir)) return readNodeSecrets(dataDir);
  if (mustExist) {
    throw new StartFault(
      `${dataDir} has no keys of a node`,
      'begin with `internode genesis node` or `internode node create`, or name the directory: --data-dir DIR',
    );
  }
  if (existsSync(join(dataDir, 'keys.json'))) {
    throw new StartFault(
      `${dataDir} is the data directory of a single replica`,
      'choose another one for this node: --data-dir DIR',
    );
  }
  const secrets = makeNodeSecrets(bls);
  mkdirSync(dataDir, { recursive: true });
  const unlock = lockDataDir(dataDir);
  try {
    prepareDataDir(dataDir, { clean: false });
    writeNodeSecrets(dataDir, secrets);
  } finally {
    unlock();
  }
  return secrets;
}

/** Who holds these secrets, with the machine's randomness. */
export function operatorOf(secrets: Operator['secrets'], bls: Operator['bls']): Operator {
  return { secrets, bls, random: () => new Uint8Array(randomBytes(RANDOM_BYTES)) };
}

export function describeTo(options: {
  readonly operator: Operator;
  readonly dataDir: string;
  readonly address?: string | undefined;
  readonly listen?: string | undefined;
  readonly out?: string | undefined;
  readonly json?: boolean;
}): void {
  const { operator, dataDir, address, listen, json } = options;
  if (address === undefined)
    throw new StartFault(
      '--address is missing: where other nodes reach this one',
      'for example --address node1.example.org:4100',
    );
  const { secrets, bls } = operator;
  const own = nodeRecordOf(secrets, address, bls);
  const fault = faultOfNode(own, bls);
  const nodeId = principalToText(own.nodeId);
  if (fault !== undefined) throw new StartFault(`node ${nodeId}: ${fault}`);
  if (listen !== undefined) writePeerPlaces(dataDir, { listen, addresses: {} });
  const file = options.out ?? 'node.json';
  writeDurably(file, writeDocument(describeNode(operator, address)));
  if (json === true) console.log(JSON.stringify({ nodeId, address, dataDir, description: file }));
  else
    console.log(`Node ${nodeId}
  secrets       ${join(dataDir, 'node.json')} (never leave this machine)
  description   ${file} (for whoever makes the record)`);
}
