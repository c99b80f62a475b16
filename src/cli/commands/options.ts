import { Option } from 'commander';

export function sessionsOption(): Option {
  return new Option(
    '--sessions <policy>',
    'sessions in the way: wait (end idle ones, wait for active ones), terminate or fail',
  ).choices(['wait', 'terminate', 'fail']);
}

export function sessionsWaitOption(): Option {
  return new Option('--sessions-wait <duration>', 'how long active sessions are waited for (10s)');
}

export function allowProductionOption(): Option {
  return new Option(
    '--allow-production <database>',
    'the name of the database, to show that a production one is meant',
  );
}

export function countTimeoutOption(): Option {
  return new Option(
    '--count-timeout <duration>',
    'how long a table may be counted; then the number is an estimate (60s)',
  );
}
