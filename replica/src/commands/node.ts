// `internode node`: the operator's half of joining a subnet that runs.
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { loadFastBls, nodeHashEngine } from '@internode/crypto/fast';
import { principalToText, setHashEngine } from '@internode/encoding';
import { toHex } from '@internode/prelude';
import { fingerprint } from '../ceremony/documents.ts';
import { checkOwn, type Operator } from '../ceremony/rounds.ts';
import { keepInvitation, readInvitation } from '../joining.ts';
import { nodeIdOf, subnetOf, writeGenesis } from '../member.ts';
import { describeTo, nodeSecretsIn, operatorOf } from '../node-keys.ts';
import { StartFault } from '../start-fault.ts';
import { dataDirOf, flagsOf } from './flags.ts';

const FLAGS = {
  'data-dir': { type: 'string' },
  address: { type: 'string' },
  listen: { type: 'string' },
  out: { type: 'string', short: 'o' },
  json: { type: 'boolean' },
} as const;

export async function node([verb = '', ...args]: readonly string[]): Promise<void> {
  if (verb !== 'create' && verb !== 'join')
    throw new StartFault(
      `there is no step ${verb || '(none)'} for a node`,
      'the steps are create and join: see `internode node --help`',
    );
  setHashEngine(nodeHashEngine);
  const { values, positionals } = flagsOf('node', args, FLAGS);
  const dataDir = resolve(dataDirOf(values['data-dir']));
  const bls = await loadFastBls();
  const secrets = nodeSecretsIn(dataDir, bls, verb === 'join');
  const operator = operatorOf(secrets, bls);
  if (verb === 'create') return describeTo({ operator, dataDir, ...values });
  joinSubnet(operator, dataDir, { file: positionals[0], json: values.json ?? false });
}

function joinSubnet(
  operator: Operator,
  dataDir: string,
  { file, json }: { readonly file: string | undefined; readonly json: boolean },
): void {
  if (file === undefined)
    throw new StartFault(
      'which invitation? internode node join INVITATION',
      'the controller has it',
    );
  const invitation = readInvitation(file);
  const own = checkOwn(operator, invitation.record);
  if (own.kind !== 'valid') throw new StartFault(`${file}: ${own.reason}`, 'ask the controller');
  if (existsSync(join(dataDir, 'journal')))
    throw new StartFault(
      `${dataDir} has run already`,
      'a node joins once; to forget its state only, delete journal and store',
    );
  writeGenesis(dataDir, invitation.genesis);
  keepInvitation(dataDir, invitation);
  const { subnetId, publicKeyDer } = subnetOf(invitation.genesis);
  const nodeId = principalToText(nodeIdOf(operator.secrets));
  if (json) {
    const [subnet, rootKey] = [principalToText(subnetId), toHex(publicKeyDer)];
    return console.log(JSON.stringify({ nodeId, subnetId: subnet, rootKey, dataDir }));
  }
  console.log(`Node ${nodeId} may join subnet ${principalToText(subnetId)}
  root key      ${toHex(publicKeyDer)}
  fingerprint   ${fingerprint(publicKeyDer)}   (compare it with any member's operator before you start)
Start with: internode start --data-dir ${dataDir}`);
}
