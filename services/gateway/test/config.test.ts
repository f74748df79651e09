import { principalToText } from '@internode/encoding';
import { toHex } from '@internode/prelude';
import { describe, expect, test } from 'vitest';
import { readConfig } from '../src/config.ts';
import { describeGateway } from '../src/telemetry.ts';
import { CANISTER, FIRST, nodeId, rootKey, subnetId } from './small-replica.ts';

const environment = {
  INTERNODE_ROOT_KEY: toHex(rootKey),
  INTERNODE_ROOT_SUBNET_ID: principalToText(subnetId),
  INTERNODE_SUBNET_ID: principalToText(subnetId),
  INTERNODE_NODE_ID: principalToText(nodeId),
  INTERNODE_NODE_SECRET: '04'.repeat(32),
  INTERNODE_CANISTER_RANGES: `${principalToText(FIRST)}..${principalToText(CANISTER)}`,
  INTERNODE_PLACE_SUBNET: 's',
  INTERNODE_PLACE_NODE: 'n',
  INTERNODE_BUS_URL: 'nats://127.0.0.1:4222',
};

describe('configuration', () => {
  test('the environment becomes one frozen value, loopback by default', () => {
    const config = readConfig(environment);
    expect(config.gateway).toMatchObject({ host: '127.0.0.1', port: 8000, subnetId, nodeId });
    expect(config.gateway.canisterRanges).toEqual([[FIRST, CANISTER]]);
    expect(Object.isFrozen(config.gateway)).toBe(true);
  });

  test('what is missing or malformed is named', () => {
    for (const name of Object.keys(environment)) {
      expect(() => readConfig({ ...environment, [name]: undefined })).toThrow(name);
    }
    for (const [name, value] of [
      ['INTERNODE_ROOT_KEY', 'xyz'],
      ['INTERNODE_SUBNET_ID', 'nobody'],
      ['INTERNODE_GATEWAY_PORT', '65536'],
      ['INTERNODE_CANISTER_RANGES', principalToText(FIRST)],
    ] as const) {
      expect(() => readConfig({ ...environment, [name]: value })).toThrow(name);
    }
  });
});

describe('telemetry', () => {
  test('labels have few values, and faults are errors', () => {
    const answered = describeGateway({
      kind: 'RequestAnswered',
      endpoint: 'call',
      httpStatus: 200,
      tookMs: 5,
    });
    expect(answered.log).toBeUndefined();
    expect(answered.metrics).toEqual([
      { kind: 'count', name: 'requests_total', labels: { endpoint: 'call', status: '200' } },
      { kind: 'histogram', name: 'request_seconds', value: 0.005, labels: { endpoint: 'call' } },
    ]);
    const failed = describeGateway({ kind: 'AnswerFailed', endpoint: 'query', fault: 'x' });
    expect(failed.log?.level).toBe('error');
  });
});
