// Who may see the page of `stint web`.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { cookieOf, isLoopback, isOwnHost, isToken, newToken, originOf, tokenIn } from '../../../src/cli/web/guard.ts';

test('the page may be asked for by address or as localhost, with its port, and by no other name', () => {
  for (const host of ['127.0.0.1:8080', 'localhost:8080', '[::1]:8080', '192.0.2.7:8080'])
    assert.ok(isOwnHost(host, 8080), host);
  for (const host of ['127.0.0.1', 'localhost', '[::1]', '192.0.2.7:80']) assert.ok(isOwnHost(host, 80), host);
  const foreign = [
    'example.org:8080',
    '127.0.0.1',
    '127.0.0.1:80',
    'localhost.example.org:8080',
    '[example]:8080',
    '',
    undefined,
  ];
  for (const host of foreign) assert.ok(!isOwnHost(host, 8080), host);
});

test('no domain name is taken for an own host', () => {
  fc.assert(
    fc.property(fc.domain(), fc.integer({ min: 1, max: 65_535 }), (name, port) => !isOwnHost(`${name}:${port}`, port)),
  );
});

test('the header of an own origin is an own host', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.ipV4(), fc.ipV6()),
      fc.integer({ min: 1, max: 65_535 }),
      (address, port) =>
        isOwnHost(new URL(originOf(address, port)).port === '' ? undefined : originOf(address, port).slice(7), port) ||
        port === 80,
    ),
  );
});

test('a token is found in its cookie again, among others, and fits no other token', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.stringMatching(/^[a-z]+$/), fc.stringMatching(/^\w*$/))), (others) => {
      const [token, other] = [newToken(), newToken()];
      const [own = ''] = cookieOf(8080, token).split(';');
      const header = [
        ...others.map(([name, value]) => `${name}=${value}`),
        cookieOf(8081, other).split(';')[0],
        own,
      ].join('; ');
      return isToken(tokenIn(header, 8080), token) && !isToken(tokenIn(header, 8080), other);
    }),
  );
  for (const given of ['', undefined, null, 'x']) assert.ok(!isToken(given, newToken()));
});

test('only what cannot leave the machine is loopback', () => {
  for (const address of ['127.0.0.1', '127.8.8.8', '::1']) assert.ok(isLoopback(address), address);
  for (const address of ['0.0.0.0', '::', '192.0.2.7', '2001:db8::1']) assert.ok(!isLoopback(address), address);
});
