/** What a long operation tells its caller while it works. Features report; only the CLI prints. */
export type ProgressEvent =
  | {
      /** A step has begun. */
      readonly type: 'step';
      readonly name: string;
      /** The object the step works on, e.g. a database name. */
      readonly detail?: string;
      /** How much the step has to do, where that is known. */
      readonly sizeBytes?: number;
      /** Expected duration from a rate measured before, where there is one. Undefined: not known. */
      readonly estimateMs?: number;
      /** Where the estimate comes from, for people. */
      readonly basis?: string;
    }
  | { readonly type: 'step-done'; readonly name: string; readonly durationMs: number }
  | { readonly type: 'note'; readonly message: string }
  | { readonly type: 'warning'; readonly message: string };

export type Reporter = (event: ProgressEvent) => void;

export const silentReporter: Reporter = () => {};

/** The two things every long-running feature accepts. */
export interface RunOptions {
  readonly signal?: AbortSignal | undefined;
  readonly reporter?: Reporter | undefined;
}

/** Runs one step between its `step` and `step-done` events. */
export async function reportStep<T>(
  reporter: Reporter,
  step: Omit<Extract<ProgressEvent, { type: 'step' }>, 'type'>,
  work: () => Promise<T>,
): Promise<T> {
  reporter({ type: 'step', ...step });
  const startedAt = performance.now();
  const result = await work();
  reporter({ type: 'step-done', name: step.name, durationMs: performance.now() - startedAt });
  return result;
}
