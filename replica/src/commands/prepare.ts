// `internode prepare`: what services that others start are told.
import { existsSync, mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { loadFastBls, nodeHashEngine } from '@internode/crypto/fast';
import { setHashEngine } from '@internode/encoding';
import { lockDataDir } from '@internode/host';
import { type PrepareOptions, prepareServices } from '../apart/prepare.ts';
import { DEFAULT_PORT, isBusUrl, isDebugTo, portOf, scaleOf } from '../command-line.ts';
import { prepareDataDir } from '../data-dir.ts';
import { isMemberDir } from '../member.ts';
import { memberOf, placeOf } from '../replica.ts';
import { StartFault } from '../start-fault.ts';
import { version } from '../version.ts';
import { dataDirOf, flagsOf } from './flags.ts';

const HEALTH_PORT = 9_090;
/** Left by deploy/ceremony.sh: compose goes on without a ceremony that failed, and a replica of its own is not what was asked for. */
const CEREMONY_BEGUN = 'ceremony-begun';

const FLAGS = {
  bus: { type: 'string' },
  'bus-ca': { type: 'string' },
  'bus-certificate': { type: 'string' },
  'bus-key': { type: 'string' },
  out: { type: 'string', short: 'o' },
  'data-dir': { type: 'string' },
  'services-data': { type: 'string' },
  'broker-dir': { type: 'string' },
  host: { type: 'string' },
  port: { type: 'string' },
  'health-port': { type: 'string' },
  'log-format': { type: 'string' },
  'debug-to': { type: 'string' },
  scale: { type: 'string', multiple: true },
  quiet: { type: 'boolean', short: 'q' },
} as const;

type Values = ReturnType<typeof flagsOf<typeof FLAGS>>['values'];

export async function prepare(args: readonly string[]): Promise<void> {
  const { values } = flagsOf('prepare', args, FLAGS);
  const options = optionsOf(values);
  setHashEngine(nodeHashEngine);
  const bls = await loadFastBls();
  const { dataDir } = options;
  mkdirSync(dataDir, { recursive: true });
  if (existsSync(join(dataDir, CEREMONY_BEGUN)) && !isMemberDir(dataDir))
    throw new StartFault(
      'the ceremony that was to found a network with this node has failed',
      'see why (docker compose logs ceremony), then `docker compose down --volumes` and bring it up again',
    );
  const unlock = lockDataDir(dataDir);
  try {
    prepareDataDir(dataDir, { clean: false });
    const place = placeOf({ dataDir, clean: false });
    const config = prepareServices(memberOf(dataDir, bls), place, options);
    console.log(JSON.stringify(config));
  } finally {
    unlock();
  }
}

function optionsOf(values: Values): PrepareOptions {
  const { bus, out } = values;
  if (bus === undefined || !isBusUrl(bus))
    throw new StartFault('--bus is where services find the broker', '--bus nats://broker:4222');
  if (out === undefined)
    throw new StartFault('--out is missing: where the folders of the services are to be');
  const logFormat = values['log-format'] ?? 'json';
  if (logFormat !== 'pretty' && logFormat !== 'json')
    throw new StartFault(`--log-format ${logFormat} is unknown: pretty or json`);
  const debugTo = values['debug-to'] ?? process.env['INTERNODE_DEBUG_TO'] ?? 'loopback';
  if (!isDebugTo(debugTo))
    throw new StartFault(`--debug-to ${debugTo} is unknown: loopback, anyone or nobody`);
  const scale = scaleOf(values['scale'], process.env);
  if (scale.kind !== 'valid') throw new StartFault(scale.reason);
  return {
    bus,
    debugTo,
    scale: scale.value,
    out: resolve(out),
    dataDir: resolve(dataDirOf(values['data-dir'])),
    busCa: values['bus-ca'],
    certificate: certificateOf(values),
    servicesData: values['services-data'] ?? '/data',
    brokerDir: values['broker-dir'] ?? '/settings',
    host: values['host'] ?? '0.0.0.0',
    port: numberOf('port', values['port'] ?? String(DEFAULT_PORT)),
    healthPort: numberOf('health-port', values['health-port'] ?? String(HEALTH_PORT)),
    log: { format: logFormat, level: values['quiet'] === true ? 'warn' : 'info' },
    version,
  };
}

function certificateOf(values: Values): PrepareOptions['certificate'] {
  const { 'bus-certificate': certificateFile, 'bus-key': keyFile, bus } = values;
  if (certificateFile === undefined && keyFile === undefined) return undefined;
  if (certificateFile === undefined || keyFile === undefined)
    throw new StartFault('--bus-certificate and --bus-key belong together');
  if (bus?.startsWith('tls://') !== true)
    throw new StartFault('a broker with a certificate is found at --bus tls://host:port');
  return { certificateFile, keyFile };
}

function numberOf(flag: string, text: string): number {
  const port = portOf(text);
  if (port === undefined)
    throw new StartFault(`--${flag} ${text} is not a port: give a number from 0 to 65535`);
  return port;
}
