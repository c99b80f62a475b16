import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { giveTo } from './cluster-folder.js';
import type { ServerUser } from './server-user.js';

/** The map in pg_ident.conf that leads from users of this machine to the server's first superuser. */
const identMap = 'belay';

export interface BranchClusterConfig {
  readonly dataDir: string;
  readonly user: ServerUser;
  /** Complete: nothing of the original's configuration files is read. */
  readonly settings: Readonly<Record<string, string>>;
  /** The server's first superuser: for Belay, through the socket, without a password. */
  readonly superuser: string;
  /** Users of this machine who run Belay. */
  readonly ownUsers: readonly string[];
}

/** A value in postgresql.conf; in quotes anything can be written but a line's end. */
function quoteSetting(value: string): string {
  return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "''").replaceAll('\n', '\\n')}'`;
}

/** A name in pg_hba.conf; undefined for one that would mean something else there even in quotes. */
function quoteName(name: string): string | undefined {
  return name === '' || /[\r\n\\]|^[/+@]/.test(name)
    ? undefined
    : `"${name.replaceAll('"', '""')}"`;
}

/** A line of postgresql.conf. */
export function settingLine(name: string, value: string): string {
  return `${name} = ${quoteSetting(value)}\n`;
}

/** The text of postgresql.conf. */
function settingsText(settings: Readonly<Record<string, string>>): string {
  const lines = Object.entries(settings).map(([name, value]) => settingLine(name, value));
  return `# Written by Belay when the branch was made. Change it as you like: a reset brings it back.\n${lines.join('')}`;
}

function accessText({ superuser }: BranchClusterConfig): string {
  const name = quoteName(superuser);
  return [
    '# Written by Belay when the branch was made.',
    ...(name ? [`local all ${name} peer map=${identMap}`] : []),
    'local all all scram-sha-256',
    'host all all 127.0.0.1/32 scram-sha-256',
    'host all all ::1/128 scram-sha-256',
    '',
  ].join('\n');
}

function identText({ superuser, ownUsers }: BranchClusterConfig): string {
  const names = [...new Set(ownUsers)].map(quoteName).filter((name) => name !== undefined);
  const lines = names.map((name) => `${identMap} ${name} ${quoteName(superuser)}`);
  return `${lines.join('\n')}\n`;
}

/** Writes the files that a server reads when it starts, instead of those of the original. */
export async function writeBranchConfig(config: BranchClusterConfig): Promise<void> {
  const files = {
    'postgresql.conf': settingsText(config.settings),
    'postgresql.auto.conf': '',
    'pg_hba.conf': accessText(config),
    'pg_ident.conf': identText(config),
  };
  for (const [name, text] of Object.entries(files)) {
    await writeServerFile(join(config.dataDir, name), text, config.user);
  }
}

export async function writeServerFile(path: string, text: string, user: ServerUser): Promise<void> {
  await writeFile(path, text, { mode: 0o600 });
  await giveTo(path, user);
}

/** pg_hba.conf of a server that listens only in a folder which its user and root alone may enter. */
export const privateAccessText = 'local all all trust\n';
