import type { ConnectionSettings } from '../postgres/connection-settings.js';

/** Of a client's startup packet, what is about the gateway and not about its session. */
const ownParameters = new Set(['user', 'database', 'options']);

/**
 * The startup packet for the server: what the client asked for, at the place where the route leads.
 *
 * The route's options come last and win: they are what makes a schema branch one (`-c search_path=…`), and a client's
 * own search_path would lead its writes to where they do not belong.
 */
export function serverParameters(
  client: ReadonlyMap<string, string>,
  settings: ConnectionSettings,
  user: string = settings.user,
): ReadonlyMap<string, string> {
  const parameters = new Map([
    ['user', user],
    ['database', settings.database],
  ]);
  const options = [client.get('options'), settings.options].filter(Boolean).join(' ');
  if (options !== '') parameters.set('options', options);
  // A parameter of the packet beats the options in PostgreSQL, so one that the route sets has to go.
  const fixed = settingNames(settings.options ?? '');
  for (const [name, value] of client) {
    if (!ownParameters.has(name) && !fixed.has(name.toLowerCase())) parameters.set(name, value);
  }
  return parameters;
}

/** Names of the settings in libpq's `options`: "-c name=value", "-cname=value", "--name=value". */
function settingNames(options: string): ReadonlySet<string> {
  const names = new Set<string>();
  for (const [, name] of options.matchAll(/(?:^|\s)(?:-c\s*|--)([\w.-]+)=/g)) {
    names.add((name as string).toLowerCase().replaceAll('-', '_'));
  }
  return names;
}
