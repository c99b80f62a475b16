import { crc32 } from 'node:zlib';
import { versionBeforeFirst } from './migration.js';

/** What the name of a migration file of Flyway says. */
export interface FlywayFileName {
  readonly kind: 'versioned' | 'undo';
  /** As Flyway records it: "1.1" for V1_1__name.sql. */
  readonly version: string;
  readonly name: string;
}

/**
 * Reads the name of a file with a version. Repeatable migrations, callbacks and baseline scripts have none that the
 * schema goes through, and are no such file.
 *
 * @example
 * parseFlywayFileName('V1_1__add_invoices.sql'); // { kind: 'versioned', version: '1.1', name: 'add_invoices' }
 */
export function parseFlywayFileName(file: string): FlywayFileName | undefined {
  const match = /^([VU])(\d+(?:[._]\d+)*)(?:__(.*))?\.sql$/s.exec(file);
  if (!match) return undefined;
  const [, prefix, version = '', name = ''] = match;
  return {
    kind: prefix === 'V' ? 'versioned' : 'undo',
    version: flywayVersion(version),
    name: name.replaceAll(' ', '_'),
  };
}

/** A version as Flyway prints it. Its 0, which is also its 0.0, would be the state before the first migration. */
export function flywayVersion(version: string): string {
  const dotted = version.replaceAll('_', '.');
  return dotted === versionBeforeFirst ? '0.0' : dotted;
}

/** Equal for versions that Flyway takes for one: "1", "001" and "1.0". */
export function flywayVersionKey(version: string): string {
  const parts = version.split(/[._]/).map((part) => part.replace(/^0+(?=\d)/, ''));
  while (parts.length > 1 && parts.at(-1) === '0') parts.pop();
  return parts.join('.');
}

/** The checksum of Flyway: a CRC-32 over the lines without what ends them, as a signed number. */
export function flywayChecksum(text: string): number {
  const lines = text.replace(/^\uFEFF/, '').split(/\r\n|\r|\n/);
  return crc32(lines.join('')) | 0;
}
