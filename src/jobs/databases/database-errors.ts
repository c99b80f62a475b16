import { BelayError } from '../../errors.js';

export function notRegistered(name: string): BelayError {
  return new BelayError('DATABASE_NOT_REGISTERED', `no database is registered as "${name}"`, {
    hint: 'GET /api/databases lists those you may see; an administrator registers others.',
    details: { database: name },
  });
}

export function registered(name: string): BelayError {
  return new BelayError('DATABASE_REGISTERED', `a database is registered as "${name}" already`, {
    hint: 'Choose another name, or change the one that is there.',
    details: { database: name },
  });
}

export function takenByApi(name: string): BelayError {
  return new BelayError(
    'DATABASE_REGISTERED',
    `"${name}" of the configuration is registered as another database already`,
    {
      hint: 'Give the target another name in belay.config.json, or remove the registered one first.',
      details: { database: name },
    },
  );
}

export function fromConfig(name: string, verb: string): BelayError {
  return new BelayError(
    'USAGE',
    `"${name}" comes from the server’s own start and cannot be ${verb} here`,
    {
      hint: 'Change the command line or the configuration of `belay serve`, and start it again.',
      details: { database: name },
    },
  );
}

export function urlIsMissing(isDirect: boolean): BelayError {
  return new BelayError(
    'BAD_URL',
    isDirect
      ? 'a database that the server connects to needs a URL'
      : 'a database that an agent connects to has no URL here: only the agent knows it',
    {
      hint: 'Give `url` with kind "direct", and none with kind "agent".',
      details: { field: 'url' },
    },
  );
}

export function needsAgent(name: string): BelayError {
  return new BelayError('NEEDS_AGENT', `only an agent reaches "${name}"`, {
    hint: 'Begin a job: its agent does it. `belay agent` runs beside the database.',
    details: { database: name },
  });
}
