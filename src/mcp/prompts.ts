import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { z } from 'zod';

/** What every assistant is told at the beginning. */
export const instructions = `Belay is a safety rope for PostgreSQL databases.
Before anything that changes data or schema: create_checkpoint, then plan_migration, then rehearse_migration. Show the person what
they found, numbers first, before the migration is run for real. Try things in a branch (branch_create), never in the live database.
Do not go on past an error: read its code and its hint. Snapshots and checkpoints cannot be deleted from here, and the live state
can be replaced only where the person allowed it.`;

const safely = `Work in this order, and stop at the first thing that is not as expected:
1. status and drift: is the database there, and is its schema the one that is recorded?
2. create_checkpoint with a tag that says what comes, e.g. "before-0007-drop-email". Go on only when it is proven.
3. plan_migration with the SQL. Name rows and values that would be lost, locks that would stop others, and the safer ways it offers.
4. rehearse_migration with the same SQL. Compare what it did with what was planned.
5. Tell the person: what would be lost, how long it would lock what, and the tag of the checkpoint. Let them decide.
The migration itself is run by the person or their tool, not by these tools.`;

const lookFirst = `Look before anything is replaced:
1. list_snapshots: find the state that is wanted. Its proof should be "proven", or it should be a clone.
2. diff from it to "live": what came since, and would no longer be in the live database.
3. If only some rows or tables are wanted, make a branch from the snapshot (branch_create with "from") and copy from there.
4. Tell the person what would be lost since, and let them decide. If the tool "restore" is there, it keeps the present state, and
   "undo" brings it back; if it is not, the person runs \`belay restore TAG\`, or uses the page of the server.`;

/** Prompts that a person can choose, which say how to work safely. */
export function registerPrompts(server: McpServer): void {
  server.registerPrompt(
    'migrate-safely',
    {
      title: 'Migrate safely',
      description: 'Checkpoint, plan and rehearse a migration before it is run',
      argsSchema: { sql: z.string().max(100_000).optional() },
    },
    ({ sql }) => says(sql === undefined ? safely : `${safely}\n\nThe migration:\n\n${sql}`),
  );
  server.registerPrompt(
    'go-back',
    {
      title: 'Go back',
      description: 'Find an earlier state, and see what going back to it would cost',
      argsSchema: { wanted: z.string().max(2_000).optional() },
    },
    ({ wanted }) => says(wanted === undefined ? lookFirst : `${lookFirst}\n\nWanted: ${wanted}`),
  );
}

const says = (text: string) => ({
  messages: [{ role: 'user' as const, content: { type: 'text' as const, text } }],
});
