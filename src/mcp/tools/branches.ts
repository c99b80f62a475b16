import { z } from 'zod';
import { jobInputs } from '../../contract/job.js';
import { BelayError } from '../../errors.js';
import { asDocument, defineTool, given, type Tool } from '../tool.js';

const { name, from, isolation, ttl } = jobInputs['branch-create'].shape;

const branchList = defineTool({
  name: 'branch_list',
  title: 'List branches',
  description: 'Branches of the database: full copies to work in, and what each starts from.',
  scope: 'read',
  effect: 'read',
  input: {},
  output: z.looseObject({ branches: z.array(z.looseObject({ name: z.string() })) }),
  run: async (executor, call) => ({ branches: await executor.branches(call) }),
});

const branchCreate = defineTool({
  name: 'branch_create',
  title: 'Create a branch',
  description:
    'A full copy of the database under a name of its own, to try things in. The live database is not changed; from "live", making the copy may end its sessions for a moment.',
  scope: 'restore',
  effect: 'add',
  input: {
    name: name.describe('As a git branch is called'),
    from: from.describe('A snapshot, another branch, or "live" (the default)'),
    isolation: isolation.describe('What it gets of its own'),
    ttl: ttl.describe('Lifetime such as "2h" or "7d"'),
  },
  output: z.looseObject({ name: z.string() }),
  run: async (executor, call, input) =>
    asDocument(await executor.perform(call, 'branch-create', given(input))),
});

const branchUrl = defineTool({
  name: 'branch_url',
  title: 'URL of a branch',
  description:
    'The URL to connect to a branch. Without the password: programs take it from PGPASSWORD or ~/.pgpass, people from `belay url NAME`.',
  scope: 'read',
  effect: 'read',
  input: { name: name.describe('Of the branch') },
  output: z.looseObject({ name: z.string(), url: z.string(), password: z.string() }),
  run: async (executor, call, input) => {
    const branches = await executor.branches(call);
    const found = branches.find((branch) => branch.name === input.name);
    if (!found?.url) throw noSuchBranch(input.name, branches);
    return {
      ...{ name: found.name, url: found.url, database: found.database, state: found.state },
      password:
        'not shown to assistants: the same as of the database itself; `belay url NAME` prints the URL with it on the machine that knows it',
    };
  },
});

function noSuchBranch(wanted: string, branches: readonly { readonly name: string }[]): BelayError {
  const names = branches.slice(0, 10).map((branch) => branch.name);
  return new BelayError('BRANCH_NOT_FOUND', `there is no branch "${wanted}"`, {
    hint: names.length === 0 ? 'branch_create makes one.' : `There are: ${names.join(', ')}.`,
  });
}

export const branchTools: readonly Tool[] = [branchList, branchCreate, branchUrl];
