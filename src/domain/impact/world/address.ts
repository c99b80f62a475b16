import type { Address } from '../live-catalog.js';

/** "pg_class/16391" and "2" of "pg_class/16391/2". Of a whole object the part is "0". */
export function splitAddress(address: Address): { object: string; part: string } {
  const at = address.lastIndexOf('/');
  return { object: address.slice(0, at), part: address.slice(at + 1) };
}

export function wholeOf(address: Address): Address {
  return `${splitAddress(address).object}/0`;
}

export function addressIn(catalog: string, oid: number, part = 0): Address {
  return `${catalog}/${oid}/${part}`;
}

export function isPart(address: Address): boolean {
  return !address.endsWith('/0');
}
