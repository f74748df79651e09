// /debug/traces as people see it, in a headless Chromium. SCREENSHOT=docs/traces.png writes the picture that README shows.

import type { Waterfall } from '@internode/telemetry';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { callOf } from '../runner/calls.ts';
import { openBrowser } from '../runner/chromium.ts';
import { currentClient } from '../runner/clients.ts';
import { counterInterface } from '../runner/interfaces.ts';
import { motokoModule } from '../runner/modules.ts';
import { type Replica, startReplica } from '../runner/replica.ts';
import { STAGES, wholeTraceOf } from '../runner/traces.ts';
import { post } from '../runner/wire.ts';

const SIZE = { width: 1400, height: 620 };
const HOSTILE = '<img src=x onerror="document.title=1">';

/** As much of a browser's globals as functions that run in it use. */
declare const document: {
  querySelector(selector: string): { readonly textContent: string | null } | null;
  querySelectorAll(selector: string): { readonly length: number };
};
declare const history: { pushState(state: null, unused: string, url: string): void };
declare const window: { dispatchEvent(event: Event): void };
declare function getComputedStyle(of: unknown): { readonly backgroundImage: string };

let replica: Replica;
let browser: Browser;
let page: Page;
let trace: Waterfall;
let id: string;
let faults: string[];
let asked: string[];

async function call(method: string): Promise<string> {
  const { body, requestId } = await callOf(id, method);
  await post(`${replica.gatewayUrl}/api/v4/canister/${id}/call`, body);
  return Buffer.from(requestId).toString('hex');
}

beforeAll(async () => {
  replica = await startReplica({ environment: { OTEL_TRACES_SAMPLER: 'always_on' } });
  const client = await currentClient.open(replica);
  ({ id } = await client.deploy(counterInterface, motokoModule('counter.mo')));
  await call(HOSTILE);
  for (let i = 0; i < 20; i++) await call('inc');
  trace = await wholeTraceOf(replica, await call('inc'));
  browser = await openBrowser();
});
afterAll(async () => {
  await browser?.close();
  await replica?.stop();
});

beforeEach(async () => {
  page = await browser.newPage({ viewport: SIZE });
  faults = [];
  asked = [];
  page.on('pageerror', (fault) => faults.push(fault.message));
  page.on('console', (line) => {
    if (line.type() === 'error') faults.push(line.text());
  });
  page.on('request', (request) => asked.push(request.url()));
});
afterEach(async () => {
  expect(faults).toEqual([]);
  // Nothing but this replica is asked for anything.
  for (const url of asked) expect(url).toMatch(new RegExp(`^(${replica.gatewayUrl}|data:)`));
  await page.close();
});

async function open(path = ''): Promise<void> {
  await page.goto(`${replica.gatewayUrl}/debug/traces${path}`);
  await page.waitForSelector('#list tbody tr');
}

async function rowTexts(): Promise<string[]> {
  return page.$$eval('#list tbody tr', (rows) => rows.map((row) => row.textContent ?? ''));
}

describe('the page of traces', () => {
  test('a deep link by request id opens the waterfall: every stage, waiting hatched', async () => {
    await open(`/${trace.requestId}`);
    await page.waitForSelector('#rows .row');
    const shown = await page.$$eval('#rows .row', (rows) =>
      rows.map((row) => [row.getAttribute('data-service'), row.getAttribute('data-stage')]),
    );
    for (const stage of STAGES) expect(shown).toContainEqual([...stage]);
    const pool = page.locator('#rows .row[data-stage=pool] .bar.queue');
    expect(await pool.count()).toBe(1);
    const background = await pool.evaluate((bar) => getComputedStyle(bar).backgroundImage);
    expect(background).toContain('repeating-linear-gradient');
    expect(await page.textContent('#title')).toBe('call inc');
    expect(await page.textContent('#facts')).toContain(trace.requestId);
    // Bars stand where their times are.
    const track = await page.locator('#rows .row .track').first().boundingBox();
    const reply = await page.locator('#rows .row[data-stage=reply] .bar').first().boundingBox();
    const root = await page.locator('#rows .row .bar').first().boundingBox();
    expect(Math.abs((root?.x ?? 0) - (track?.x ?? 0))).toBeLessThan(2);
    expect(reply?.x ?? 0).toBeGreaterThan((track?.x ?? 0) + 0.5 * (track?.width ?? 0));
    const path = process.env['SCREENSHOT'];
    if (path !== undefined) await page.screenshot({ path });
  });

  test('a stage tells its details; its link leads to the block, and from there back', async () => {
    await open(`/${trace.requestId}`);
    await page.click('#rows .row[data-stage=included]');
    expect(await page.textContent('#detail')).toContain(`internode.height ${trace.height}`);
    await page.click('#detail .link');
    await page.waitForFunction(() => document.querySelector('#title')?.textContent === 'block');
    expect(page.url()).toMatch(/\/debug\/traces\/(?:b10c){4}[0-9a-f]{16}$/);
    await page.click('#rows .row[data-service=consensus]');
    await page.click('#detail .link');
    await page.waitForFunction(() => document.querySelector('#title')?.textContent === 'call inc');
    await page.goBack();
    await page.waitForFunction(() => document.querySelector('#title')?.textContent === 'block');
  });

  test('the list is filtered, and shows what stages take', async () => {
    await open();
    expect((await rowTexts()).length).toBeGreaterThanOrEqual(20);
    const stages = await page.$$eval('#stages tbody tr', (rows) =>
      rows.map((row) => row.cells[0]?.textContent),
    );
    expect(stages).toEqual(expect.arrayContaining(STAGES.map(([, stage]) => stage)));
    await page.fill('#request', trace.requestId.slice(0, 16));
    await page.waitForFunction(() => document.querySelectorAll('#list tbody tr').length === 1);
    await page.click('#list tbody tr');
    await page.waitForSelector('#rows .row');
    await page.fill('#request', '');
    await page.fill('#min_ms', '600000');
    await page.waitForFunction(() => document.querySelectorAll('#list tbody tr').length === 0);
    await page.fill('#min_ms', '');
    await page.selectOption('#kind', 'block');
    // Rows of before the choice may still stand there.
    await page.waitForFunction(() =>
      document.querySelector('#list tbody tr')?.textContent?.includes('block'),
    );
  });

  test('names from outside are shown, not believed', async () => {
    await open();
    const row = page.locator('#list tbody tr', { hasText: '<img' });
    await row.first().click();
    await page.waitForSelector('#rows .row');
    expect(await page.textContent('#title')).toContain('onerror');
    expect(await page.locator('img').count()).toBe(0);
    expect(await page.title()).toBe('Internode traces');
  });

  test('an id that is none says so, and OTLP JSON is downloaded', async () => {
    await open(`/${trace.requestId}`);
    await page.waitForSelector('#download');
    const [download] = await Promise.all([page.waitForEvent('download'), page.click('#download')]);
    expect(download.suggestedFilename()).toBe(`trace-${trace.traceId}.json`);
    await page.evaluate(() => history.pushState(null, '', '/debug/traces/latest'));
    await page.evaluate(() => window.dispatchEvent(new Event('popstate')));
    await page.waitForFunction(() => document.querySelectorAll('#rows .row').length > 10);
  });
});
