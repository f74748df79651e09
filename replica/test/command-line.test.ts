import { describe, expect, test } from 'vitest';
import { DEFAULT_PORT, parseStart } from '../src/command-line.ts';

describe('internode start: flags', () => {
  test('zero flags work', () => {
    expect(parseStart([], {})).toEqual({
      kind: 'valid',
      value: {
        port: DEFAULT_PORT,
        host: '127.0.0.1',
        dataDir: '.internode',
        clean: false,
        configOut: undefined,
        logFormat: 'pretty',
        quiet: false,
        debugTo: 'loopback',
        placement: 'embedded',
        scale: { gateway: 1, execution: 1 },
      },
    });
  });

  test('services are scaled by flags, or by the environment', () => {
    const args = ['--placement', 'threads', '--scale', 'gateway=2', '--scale', 'execution=3'];
    const scaled = { value: { scale: { gateway: 2, execution: 3 } } };
    expect(parseStart(args, {})).toMatchObject(scaled);
    const environment = {
      INTERNODE_PLACEMENT: 'processes',
      INTERNODE_SCALE: 'gateway=2,execution=3',
    };
    expect(parseStart([], environment)).toMatchObject(scaled);
  });

  test('flags win over the environment', () => {
    const environment = { INTERNODE_PORT: '1', INTERNODE_DATA_DIR: '/a' };
    expect(parseStart(['--port', '0'], environment)).toMatchObject({
      value: { port: 0, dataDir: '/a' },
    });
  });

  test.each([
    [['--port', 'x'], /not a port/],
    [['--port', '70000'], /not a port/],
    [['--prot', '1'], /--help/],
    [['--log-format', 'xml'], /pretty or json/],
    [['--placement', 'clouds'], /embedded, threads, processes/],
    [['--bus', 'nats://127.0.0.1:4222'], /--placement processes/],
    [['--placement', 'processes', '--bus-credentials', 'k'], /--bus/],
    [['--placement', 'processes', '--bus-ca', 'ca.pem'], /--bus/],
    [['--placement', 'processes', '--bus', 'http://x'], /nats:\/\/host:port/],
    [['--scale', 'gateway=2'], /--placement processes/],
    [['--placement', 'threads', '--scale', 'state=2'], /gateway=N or execution=N/],
    [['--placement', 'threads', '--scale', 'gateway=0'], /from 1 to 8/],
  ])('%j is refused with what to do', (args, text) => {
    const verdict = parseStart(args, {});
    expect(verdict.kind).toBe('invalid');
    expect(verdict.kind === 'invalid' && verdict.reason).toMatch(text);
  });
});
