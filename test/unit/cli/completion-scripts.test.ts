import { describe, expect, it } from 'vitest';
import { completionScript, shells } from '../../../src/cli/completion/scripts.js';
import { runProgram } from '../../../src/process/run.js';

describe('completion scripts', () => {
  it.each(shells)(
    'the one for %s asks belay itself, and keeps its errors off the prompt',
    (shell) => {
      const script = completionScript(shell);
      expect(script).toContain('belay __complete -- ');
      expect(script).toContain('2>/dev/null');
      expect(script.endsWith('\n')).toBe(true);
    },
  );

  it('the one for bash passes the words and offers the answers', async () => {
    const session = `
      belay() { printf '%s\\n' "$*" >&3; printf 'baseline\\nwip\\n'; }
      ${completionScript('bash')}
      COMP_WORDS=(belay restore ba); COMP_CWORD=2
      _belay 3>&1
      printf '[%s]' "\${COMPREPLY[@]}"
    `;
    const { stdout, exitCode } = await runProgram('bash', ['-c', session]);
    expect(exitCode).toBe(0);
    expect(stdout).toBe('__complete -- restore ba\n[baseline][wip]');
  });
});
