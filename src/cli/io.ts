/** A stream that is written to, as far as the command line needs one. */
export interface OutputStream {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  /** Width of the terminal in characters. */
  readonly columns?: number | undefined;
}

/** Everything that the command line has from its process, so that tests can give it something else. */
export interface CliIo {
  /** Arguments after the program's name. */
  readonly args: readonly string[];
  /** A terminal only where something can be asked. */
  readonly stdin: { readonly isTTY?: boolean | undefined };
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  /** Aborts with the reason 'SIGINT' or 'SIGTERM'. */
  readonly signal: AbortSignal;
}
