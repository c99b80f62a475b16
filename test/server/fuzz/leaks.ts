/** Looks for texts that nobody may ever see, in whatever spelling they could come out. */
export class LeakWatch {
  readonly #secrets: ReadonlyMap<string, string>;

  /** @param secrets by what they are, for the message */
  constructor(secrets: Readonly<Record<string, string>>) {
    const spellings = Object.entries(secrets).flatMap(([what, secret]) => {
      const base64 = Buffer.from(secret).toString('base64').replace(/=+$/, '');
      return [secret, encodeURIComponent(secret), base64].map((text) => [text, what] as const);
    });
    this.#secrets = new Map(spellings);
  }

  /** @returns what was found in the text, by name */
  find(text: string): string[] {
    return [...this.#secrets].filter(([secret]) => text.includes(secret)).map(([, what]) => what);
  }
}

/** What V8 and the system put into messages that were meant for developers. */
const insides = [
  ...[
    /\n\s+at \S+ \(/,
    /\/node_modules\//,
    /\bTypeError\b/,
    /\bReferenceError\b/,
    /\[object Object\]/,
  ],
  ...[/\bundefined is not\b/, /Cannot read properties/, /\bENOENT\b/, /belay_server\.\w+/],
];

/** A trace, a path of the program, a statement of the catalog: what says how the server is built. */
export function findInsides(text: string): string | undefined {
  return insides.find((pattern) => pattern.test(text))?.source;
}
