import { describe, expect, test } from 'vitest';
import { describeGateway } from '../src/telemetry.ts';

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
