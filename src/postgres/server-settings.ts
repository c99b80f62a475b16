import type { Session } from './session.js';

/**
 * Settings that a copy of a server must not share with the original: who may enter, where it lies, whom it talks to, what
 * it writes for others, and what it would do by itself.
 */
const leftBehind = new RegExp(
  `^(${[
    'archive_.*|restore_command|recovery_.*|primary_.*|promote_trigger_file|hot_standby.*|wal_receiver_.*',
    'synchronous_standby_names|max_standby_.*|vacuum_defer_cleanup_age|idle_replication_slot_timeout',
    'synchronized_standby_slots|sync_replication_slots|summarize_wal|track_commit_timestamp_source',
    'data_directory|config_file|hba_file|ident_file|external_pid_file|cluster_name|event_source',
    'listen_addresses|port|unix_socket_.*|bonjour.*|ssl.*|krb_.*|gss_.*|oauth_.*|authentication_timeout',
    'log_.*|logging_collector|syslog_.*|stats_temp_directory|update_process_title',
    'huge_page.*|shared_buffers|min_dynamic_shared_memory|shared_memory_type|dynamic_shared_memory_type',
    'min_wal_size|max_wal_size|wal_keep_.*|max_slot_wal_keep_size|wal_buffers|wal_segment_size',
    'max_connections|superuser_reserved_connections|reserved_connections|max_logical_replication_workers',
    'max_active_replication_origins|shared_preload_libraries|cron\\..*|pg_net\\..*|is_superuser|role|session_authorization|transaction_.*|application_name|client_encoding|server_.*|in_hot_standby',
    'lc_collate|lc_ctype|data_.*|block_size|integer_datetimes|max_function_args|max_identifier_length',
    'max_index_keys|segment_size|wal_block_size|num_os_semaphores|debug_assertions|exit_on_error|restart_after_crash',
  ].join('|')})$`,
);

/** Libraries that would act on their own: on other machines, or on the copy. */
const actingLibraries = new Set(['pg_cron', 'pg_net', 'pglogical', 'bdr', 'pg_partman_bgw']);

export interface CarriedSettings {
  readonly settings: Readonly<Record<string, string>>;
  /** Libraries that are not loaded in the copy. */
  readonly leftOut: readonly string[];
}

interface Row {
  readonly name: string;
  readonly value: string;
}

const mostConnections = 100;
const mostSharedBuffersKb = 128 * 1024;

/**
 * The settings with which a copy of the session's server does the same as the original, as text for postgresql.conf. What
 * a command line or a file says, not what a role or a database has.
 */
export async function readCarriedSettings(session: Session): Promise<CarriedSettings> {
  const rows = await readServerSettings(session);
  const value = (name: string) => rows.find((row) => row.name === name)?.value ?? '';
  const carried = rows.filter(({ name }) => !leftBehind.test(name));
  const libraries = value('shared_preload_libraries')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  const leftOut = libraries.filter((name) => actingLibraries.has(name.replaceAll('"', '')));
  const kept = libraries.filter((name) => !leftOut.includes(name));
  const segmentMb = Math.ceil(Number(value('wal_segment_size')) / 1024 ** 2);
  const buffersKb = Number(value('shared_buffers')) * 8;
  return {
    settings: {
      ...Object.fromEntries(carried.map(({ name, value }) => [name, value])),
      shared_preload_libraries: kept.join(', '),
      max_connections: String(Math.min(Number(value('max_connections')), mostConnections)),
      shared_buffers: `${Math.min(buffersKb, mostSharedBuffersKb)}kB`,
      min_wal_size: `${segmentMb * 2}MB`,
      max_wal_size: `${Math.max(256, segmentMb * 4)}MB`,
    },
    leftOut,
  };
}

const ownBounds = [
  'shared_preload_libraries',
  'max_connections',
  'shared_buffers',
  'wal_segment_size',
];

const reading = 'reading the settings of the server';

/** What the server was started with: in a transaction, so that the session's own settings come back. */
async function readServerSettings(session: Session): Promise<Row[]> {
  await session.execute('BEGIN', reading);
  try {
    await session.execute('RESET ALL', reading);
    const known = await session.query<Row>(
      `SELECT name, setting AS value FROM pg_catalog.pg_settings
        WHERE setting IS NOT NULL AND (source IN ('configuration file', 'command line', 'environment variable')
           OR name = ANY ($1))
        ORDER BY name`,
      [ownBounds],
      reading,
    );
    return [...known, ...(await readCustomSettings(session, known))];
  } finally {
    await session.execute('ROLLBACK', reading);
  }
}

/** Settings of applications, e.g. "app.tenant": the server lists them only as lines of its files. */
async function readCustomSettings(session: Session, known: readonly Row[]): Promise<Row[]> {
  const { mayRead } = await session.queryOne<{ mayRead: boolean }>(
    `SELECT pg_catalog.has_function_privilege('pg_catalog.pg_show_all_file_settings()', 'execute') AS "mayRead"`,
  );
  if (!mayRead) return [];
  const rows = await session.query<Row>(
    `SELECT name, setting AS value FROM pg_catalog.pg_file_settings
      WHERE applied AND setting IS NOT NULL AND name LIKE '%.%' ORDER BY seqno`,
    [],
    reading,
  );
  return rows.filter(({ name }) => !known.some((one) => one.name === name));
}
