// Who may see the page: the secret, the cookie that it becomes, and the names that the page may be asked for by. Pure, but for
// the dice.
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { BlockList, isIP, isIPv6 } from 'node:net';

/** 192 bits, in letters that need no escape in an address. */
export const newToken = (): string => randomBytes(24).toString('base64url');

export const isAddress = (text: string): boolean => isIP(text) !== 0;

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8);
LOOPBACK.addAddress('::1', 'ipv6');

export const isLoopback = (address: string): boolean => LOOPBACK.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');

/** `http://127.0.0.1:8080`. */
export const originOf = (address: string, port: number): string =>
  `http://${isIPv6(address) ? `[${address}]` : address}:${port}`;

/**
 * Whether a request that came to `port` may be for `host`, as its header has it: an address, or localhost, without the port where that is 80. By any other name a
 * foreign page could have its own name lead here, and read what we answer (DNS rebinding).
 */
export function isOwnHost(host: string | undefined, port: number): boolean {
  const [, bracketed, plain, at = '80'] = /^(?:\[([\da-fA-F:.]+)\]|([\w.-]+))(?::(\d+))?$/.exec(host ?? '') ?? [];
  const name = bracketed ?? plain;
  return name !== undefined && Number(at) === port && (name === 'localhost' || isAddress(name));
}

export function isToken(given: string | null | undefined, token: string): boolean {
  const [one, other] = [Buffer.from(given ?? ''), Buffer.from(token)];
  return one.length === other.length && timingSafeEqual(one, other);
}

/** Cookies know no ports: each server has one of its own. */
const nameOf = (port: number): string => `stint-${port}`;

export const cookieOf = (port: number, token: string): string =>
  `${nameOf(port)}=${token}; HttpOnly; SameSite=Strict; Path=/`;

/** The token in the header `cookie`. */
export function tokenIn(header: string | undefined, port: number): string | undefined {
  const cookies = (header ?? '').split(/; */).map((cookie) => cookie.split('='));
  return cookies.find(([name]) => name === nameOf(port))?.[1];
}
