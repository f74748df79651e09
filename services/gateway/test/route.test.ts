import { principalToText } from '@internode/encoding';
import { expect, test } from 'vitest';
import { routeOf } from '../src/index.ts';

const id = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 9, 1, 1);
const call = `/api/v4/canister/${principalToText(id)}/call`;

test('the second request to a path goes where the first one went, and another method nowhere', () => {
  const route = { kind: 'call', version: 4, target: { kind: 'canister', id } };
  for (let time = 0; time < 3; time++) expect(routeOf('POST', call)).toEqual(route);
  expect(routeOf('GET', call)).toMatchObject({ kind: 'nowhere', answer: { status: 405 } });
  expect(routeOf('OPTIONS', call)).toEqual({ kind: 'preflight' });
  expect(routeOf('POST', `${call}?a=b`)).toEqual(route);
});

test('what was refused is refused again', () => {
  const wrong = call.replace('/canister/', '/canister/a');
  for (let time = 0; time < 2; time++)
    expect(routeOf('POST', wrong)).toMatchObject({ kind: 'nowhere', answer: { status: 400 } });
});
