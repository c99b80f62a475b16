import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import type { Access, NewPerson, Person } from '../../server/index.js';
import type { Bind } from '../bind.js';
import type { CommandContext } from '../context.js';
import { describePeople, describeRights } from '../output/describe-access.js';
import { printable } from '../output/printable.js';
import {
  type CatalogOptions,
  catalogOption,
  databaseOption,
  type RightsOptions,
  scopeOption,
  withAccess,
} from './access-options.js';

interface PasswordOptions extends CatalogOptions {
  readonly passwordFile?: string;
}

export function addPersonCommand(program: Command, bind: Bind): void {
  const person = program.command('person').description('people who sign in to a server’s page');
  addCreate(person, bind);
  person
    .command('list')
    .description('people with what they may do')
    .addOption(catalogOption())
    .action(
      bind<[], CatalogOptions>(async (context, options) => {
        const people = await withAccess(context, options, (access) => access.listPeople());
        context.print({ people }, () => describePeople(context.style, people));
      }),
    );
  person
    .command('remove')
    .description('remove somebody, and end their sessions')
    .argument('<name>', 'name or id')
    .addOption(catalogOption())
    .action(
      bind<[string], CatalogOptions>(async (context, options, name) => {
        const removed = await withAccess(context, options, async (access) => {
          const found = await findPerson(access, name);
          await access.removePerson(found.id);
          return found;
        });
        context.print(removed, () => `${printable(removed.name)} is removed`);
      }),
    );
  addPassword(person, bind);
}

function addCreate(person: Command, bind: Bind): void {
  person
    .command('create')
    .description('add somebody; the password is asked for, or read from a file')
    .argument('<name>', 'by which they sign in')
    .addOption(scopeOption())
    .addOption(databaseOption())
    .option('--password-file <file>', 'file with the password (default: asked for)')
    .addOption(catalogOption())
    .action(
      bind<[string], PasswordOptions & RightsOptions>(async (context, options, name) => {
        const { scope = [], database: databases } = options;
        if (scope.length === 0) {
          const { BelayError } = await import('../../index.js');
          throw new BelayError('USAGE', 'a person needs a scope', {
            hint: 'Add --scope read, checkpoint, restore or admin.',
          });
        }
        const password = await readPassword(context, options);
        const scopes = scope as NewPerson['scopes'];
        const made = await withAccess(context, options, (access) =>
          access.createPerson({ name, password, scopes, databases }),
        );
        context.print(made, () => `${printable(made.name)} (${made.id}): ${describeRights(made)}`);
      }),
    );
}

function addPassword(person: Command, bind: Bind): void {
  person
    .command('password')
    .description('set somebody’s password anew, and end their sessions')
    .argument('<name>', 'name or id')
    .option('--password-file <file>', 'file with the password (default: asked for)')
    .addOption(catalogOption())
    .action(
      bind<[string], PasswordOptions>(async (context, options, name) => {
        const password = await readPassword(context, options);
        const changed = await withAccess(context, options, async (access) => {
          const found = await findPerson(access, name);
          await access.setPassword(found.id, password);
          return found;
        });
        context.print(changed, () => `the password of ${printable(changed.name)} is set`);
      }),
    );
}

async function findPerson(access: Access, nameOrId: string): Promise<Person> {
  const wanted = nameOrId.normalize('NFKC').trim().toLowerCase();
  const people = await access.listPeople();
  const found = people.find(
    ({ id, name }) => id === nameOrId || name.normalize('NFKC').toLowerCase() === wanted,
  );
  if (found !== undefined) return found;
  const { BelayError } = await import('../../index.js');
  throw new BelayError('PERSON_NOT_FOUND', `there is nobody called "${nameOrId}"`, {
    hint: '`belay person list` shows who there is.',
  });
}

/** Never from the command line: everybody on the machine can read that. */
async function readPassword(context: CommandContext, { passwordFile: file }: PasswordOptions) {
  const { BelayError } = await import('../../index.js');
  if (file !== undefined) {
    const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      throw new BelayError('FILE_ERROR', `cannot read ${file} (${error.code})`, {
        hint: 'Check --password-file.',
        cause: error,
      });
    });
    return text.replace(/\r?\n$/, '');
  }
  if (!context.isInteractive) {
    throw new BelayError('USAGE', 'a password is needed, and there is no terminal to ask on', {
      hint: 'Give --password-file FILE; /dev/stdin reads it from a pipe.',
    });
  }
  const password = await ask(context, 'Password (at least 12 characters)');
  if (password === (await ask(context, 'Once more'))) return password;
  throw new BelayError('USAGE', 'these were two different passwords', { hint: 'Try again.' });
}

async function ask(context: CommandContext, message: string): Promise<string> {
  context.progress.stop();
  const { isCancel, password } = await import('@clack/prompts');
  const { stdin, stderr } = context.io;
  const answer = await password({
    message,
    input: stdin as NodeJS.ReadStream,
    output: stderr as NodeJS.WriteStream,
    signal: context.io.signal,
  });
  if (!isCancel(answer)) return answer;
  const { BelayError } = await import('../../index.js');
  throw new BelayError('INTERRUPTED', 'interrupted: nothing was changed');
}
