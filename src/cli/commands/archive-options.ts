import { type Command, Option } from 'commander';
import type { ArchiveOptions } from '../../index.js';
import { collect, wholeNumber } from './arguments.js';

/** What every command that makes an archive accepts. */
export interface ArchiveFlags {
  readonly drill?: 'counts' | 'deep' | 'readback' | false;
  readonly drillServer?: string;
  readonly lockDays?: number;
  readonly encryptTo?: string[];
  readonly compress?: number;
  readonly lockTimeout?: string;
  readonly idleTimeout?: string;
}

export function addArchiveOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--drill <depth>',
        'what the restored copy is compared by: counts, deep (also a hash of every row), readback (the bytes come back from the store)',
      ).choices(['counts', 'deep', 'readback']),
    )
    .option(
      '--drill-server <url>',
      'restore into a scratch database there, not into a private server',
    )
    .option('--lock-days <days>', 'nobody can delete it for so many days', wholeNumber)
    .option('--encrypt-to <recipient>', 'age recipient (age1…); may be given again', collect)
    .option('--compress <level>', 'gzip level 0 to 9 (default 1)', wholeNumber)
    .option('--lock-timeout <duration>', 'how long to wait for a locked table (10s)')
    .option('--idle-timeout <duration>', 'when a silent pg_dump counts as hung (5m)');
}

export function toArchiveOptions(
  flags: ArchiveFlags,
  parseDuration: (text: string) => number,
): ArchiveOptions {
  const { drill, drillServer, lockDays, encryptTo, compress, lockTimeout, idleTimeout } = flags;
  return {
    ...{ drill, drillServer, lockDays, encryptTo, compression: compress },
    lockTimeoutMs: lockTimeout === undefined ? undefined : parseDuration(lockTimeout),
    idleMs: idleTimeout === undefined ? undefined : parseDuration(idleTimeout),
  };
}
