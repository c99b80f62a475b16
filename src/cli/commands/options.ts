import { Option } from 'commander';

export function sessionsOption(): Option {
  return new Option(
    '--sessions <policy>',
    'sessions in the way: wait (end idle ones, give active ones 10 s), terminate or fail',
  ).choices(['wait', 'terminate', 'fail']);
}

export function allowProductionOption(): Option {
  return new Option(
    '--allow-production <database>',
    'the name of the database, to show that a production one is meant',
  );
}
