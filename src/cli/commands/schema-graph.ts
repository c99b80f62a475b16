import { type Command, Option } from 'commander';
import type { PlacedVersionGraph } from '../../index.js';
import type { Bind } from '../bind.js';
import { describeGraph } from '../output/describe-graph.js';

const formats = ['text', 'json', 'dot', 'mermaid'] as const;

interface Options {
  readonly format: (typeof formats)[number];
}

export function addSchemaGraph(schema: Command, bind: Bind): void {
  schema
    .command('graph')
    .description('draw the versions and how they follow one another')
    .addOption(new Option('--format <format>', 'how to print it').choices(formats).default('text'))
    .action(
      bind<[], Options>(async (context, { format }) => {
        const { drawGraph, toDot, toMermaid } = await import('../../index.js');
        const graph = await context.withTarget('schema graph', (target, library) =>
          library.readVersionGraph(target),
        );
        const document = toDocument(graph);
        context.print(document, () => {
          if (format === 'json') return JSON.stringify(document, null, 2);
          if (format === 'dot') return toDot(graph);
          if (format === 'mermaid') return toMermaid(graph);
          return describeGraph(context.style, graph, drawGraph(graph));
        });
      }),
    );
}

/** Newest first, as all lists are. */
function toDocument({ versions, ...graph }: PlacedVersionGraph) {
  return { versions: [...versions].reverse(), ...graph };
}
