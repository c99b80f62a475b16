import { type McpServer, ResourceTemplate } from '@modelcontextprotocol/sdk/server/mcp.js';
import type { Variables } from '@modelcontextprotocol/sdk/shared/uriTemplate.js';
import { silentReporter } from '../domain/reporter.js';
import { trimDocument } from '../domain/trimmed-document.js';
import type { Executor, ToolCall } from './executor.js';

const mostBytes = 200_000;

interface Resource {
  readonly name: 'timeline' | 'schema';
  readonly title: string;
  readonly description: string;
  read(executor: Executor, call: ToolCall): Promise<unknown>;
}

const resources: readonly Resource[] = [
  {
    name: 'timeline',
    title: 'Timeline',
    description: 'Snapshots and checkpoints of a database, newest first',
    read: (executor, call) => executor.timeline(call),
  },
  {
    name: 'schema',
    title: 'Schema',
    description: 'The live schema of a database as plain data',
    read: (executor, call) => executor.perform(call, 'schema-show', {}),
  },
];

/** What an assistant's program can attach to a conversation: `belay://DATABASE/timeline` and `belay://DATABASE/schema`. */
export function registerResources(server: McpServer, executor: Executor): void {
  for (const resource of resources) {
    const { name, title, description } = resource;
    const mimeType = 'application/json';
    const template = new ResourceTemplate(`belay://{place}/${name}`, {
      list: async () => ({
        resources: (await executor.places()).map((place) => ({
          ...{ name: `${place.name} ${name}`, title: `${title} of ${place.name}`, mimeType },
          uri: `belay://${encodeURIComponent(place.name)}/${name}`,
        })),
      }),
      complete: {
        place: async (begun) =>
          (await executor.places())
            .map((place) => place.name)
            .filter((one) => one.startsWith(begun))
            .slice(0, 100),
      },
    });
    server.registerResource(
      name,
      template,
      { title, description, mimeType },
      async (uri, variables, { signal }) => {
        const call = { place: placeOf(variables), signal, report: silentReporter };
        const { document, leftOut } = trimDocument(await resource.read(executor, call), mostBytes);
        const text = JSON.stringify(
          leftOut.length === 0 ? document : { ...(document as object), leftOut },
        );
        return { contents: [{ uri: uri.href, mimeType, text }] };
      },
    );
  }
}

function placeOf({ place }: Variables): string | undefined {
  const name = Array.isArray(place) ? place[0] : place;
  return name === undefined ? undefined : decodeURIComponent(name);
}
