import { parseLsn } from './wal-position.js';

function hex(value: bigint): string {
  return value.toString(16).toUpperCase().padStart(8, '0');
}

/**
 * Names of the files that hold the log from one position to another.
 *
 * @param from the first position that is needed
 * @param to the first that is not
 * @example
 * walSegments({ from: '0/2000028', to: '0/3000000', timeline: 1, segmentBytes: 16 * 1024 ** 2 });
 * // ['000000010000000000000002']
 */
export function walSegments(range: {
  readonly from: string;
  readonly to: string;
  readonly timeline: number;
  readonly segmentBytes: number;
}): string[] {
  const segmentBytes = BigInt(range.segmentBytes);
  const perFile = (1n << 32n) / segmentBytes;
  const last = (parseLsn(range.to) - 1n) / segmentBytes;
  const names: string[] = [];
  for (let segment = parseLsn(range.from) / segmentBytes; segment <= last; segment += 1n) {
    names.push(hex(BigInt(range.timeline)) + hex(segment / perFile) + hex(segment % perFile));
  }
  return names;
}

/** What `backup_label` says about where a backup begins. */
export interface BackupStart {
  readonly lsn: string;
  readonly timeline: number;
}

/** Reads the text of a `backup_label`; undefined where it is none. */
export function parseBackupLabel(text: string): BackupStart | undefined {
  const start = /^START WAL LOCATION: ([0-9A-F]+\/[0-9A-F]+) \(file ([0-9A-F]{8})/m.exec(text);
  const [, lsn, timeline] = start ?? [];
  return lsn && timeline ? { lsn, timeline: Number.parseInt(timeline, 16) } : undefined;
}
