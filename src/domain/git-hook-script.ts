import type { BlockMarks } from './marked-block.js';

/** The hooks that Belay needs: a checkout, and the end of a rebase, after which another branch may be checked out. */
export const gitHooks = ['post-checkout', 'post-rewrite'] as const;
export type GitHook = (typeof gitHooks)[number];

export const hookMarks: BlockMarks = { start: '# >>> belay', end: '# <<< belay' };

export const scriptHead = '#!/bin/sh\n';

/** How a hook finds Belay, and where. */
export interface HookCall {
  readonly hook: GitHook;
  /** The project's folder, from the top of the working tree; empty: the top itself. */
  readonly folder: string;
  /**
   * Paths of Node.js and of Belay's program, for where neither the project nor PATH has it; null in a file that a team
   * shares: there, nobody's paths have a place.
   */
  readonly program: readonly [node: string, script: string] | null;
}

/** When the hook has something to say. The rest is decided by the program: starting it takes some 40 ms. */
const conditions: Readonly<Record<GitHook, string>> = {
  'post-checkout': `[ "\${3-}" = 1 ]`,
  'post-rewrite': `[ "\${1-}" = rebase ]`,
};

const quote = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;

/**
 * Lines for a POSIX shell that call Belay and let the script around them go on, whatever happens: in a shell of their own,
 * without its input, and silent where Belay is not installed.
 */
export function hookLines({ hook, folder, program }: HookCall): string[] {
  const call = `git hook ${hook} "$@" </dev/null`;
  const own = program?.map(quote);
  return [
    '# The database of the git branch. "belay git uninstall" takes this out; BELAY_HOOKS=0 turns it off.',
    '(',
    `  [ "\${BELAY_HOOKS-}" != 0 ] && ${conditions[hook]} || exit 0`,
    '  top=$PWD',
    ...(folder === ''
      ? []
      : [`  cd ${quote(folder)} 2>/dev/null || exit 0`, '  unset GIT_DIR GIT_WORK_TREE']),
    '  if command -v node >/dev/null 2>&1; then',
    '    for belay in node_modules/.bin/belay "$top/node_modules/.bin/belay" "$(command -v belay)"; do',
    `      [ -x "$belay" ] && exec "$belay" ${call}`,
    '    done',
    '  fi',
    ...(own ? [`  [ -x ${own[0]} ] && [ -r ${own[1]} ] && exec ${own.join(' ')} ${call}`] : []),
    '  exit 0',
    ') || :',
  ];
}

/** Lines that go on with the hook that was there before, and cannot have lines of a shell in it. */
export function chainLines(previous: string): string[] {
  const file = `"$(dirname "$0")/"${quote(previous)}`;
  return [`if [ -x ${file} ]; then exec ${file} "$@"; fi`];
}

/** The same for lefthook, whose own file calls every command of a hook. */
export function lefthookLines(call: HookCall): string[] {
  return [
    `${call.hook}:`,
    '  commands:',
    '    belay:',
    '      run: |',
    '        set -- {0}',
    ...hookLines(call).map((line) => `        ${line}`),
  ];
}

/** Whether a script is one that a POSIX shell reads, so that lines can be put into it. */
export function isShellScript(text: string): boolean {
  return /^#!\s*(?:\S*\/)?(?:env\s+(?:-\S+\s+)*)?(?:ba|da|a|k|mk|z)?sh(?=\s|$)/.test(text);
}
