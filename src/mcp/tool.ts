import { z } from 'zod';
import type { Scope } from '../contract/scope.js';
import type { Executor, ToolCall } from './executor.js';

/** A tool as assistants see it, and what it does. */
export interface Tool<Input extends z.ZodRawShape = z.ZodRawShape> {
  readonly name: string;
  readonly title: string;
  /** For the assistant: what it does, what it costs, when to use it. */
  readonly description: string;
  /** What a server's token needs for it. */
  readonly scope: Scope;
  /**
   * "read": changes nothing. "add": makes something new beside what is there. "replace": puts another state in the place of the
   * live one; only there where a person started Belay with `--allow-restore`.
   */
  readonly effect: 'read' | 'add' | 'replace';
  readonly input: Input;
  /** Of the document that it gives; further fields may come. */
  readonly output: z.ZodObject;
  run(
    executor: Executor,
    call: ToolCall,
    input: z.infer<z.ZodObject<Input>>,
  ): Promise<Record<string, unknown>>;
}

/** Says what type a tool's input has. */
export function defineTool<Input extends z.ZodRawShape>(tool: Tool<Input>): Tool {
  return tool as unknown as Tool;
}

/** The library's document as it is; what others may rely on has a field. */
export const asDocument = (value: unknown): Record<string, unknown> =>
  value as Record<string, unknown>;

/** What is left out where it is undefined, so that the input is as if nobody had named it. */
export function given<T extends object>(values: T): T {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as T;
}

export const namedSnapshot = z.looseObject({ id: z.string(), tag: z.string() });
