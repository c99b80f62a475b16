export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

/** All three only pass the words on: what can follow is known to `belay __complete` alone. */
const scripts: Readonly<Record<Shell, string>> = {
  bash: `_belay() {
  local line
  COMPREPLY=()
  # Bash splits words at ":" and "="; a tag has neither, a URL is not completed.
  while IFS= read -r line; do
    COMPREPLY+=("$(printf '%q' "$line")")
  done < <(belay __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _belay belay
`,
  zsh: `#compdef belay
_belay() {
  local -a candidates
  candidates=("\${(@f)$(belay __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  candidates=(\${candidates:#})
  if (( \${#candidates} )); then
    compadd -Q -a candidates
  else
    _default
  fi
}
if [ "\${funcstack[1]}" = "_belay" ]; then
  _belay "$@"
else
  compdef _belay belay
fi
`,
  fish: `function __belay_complete
  set -l words (commandline -opc) (commandline -ct)
  belay __complete -- $words[2..-1] 2>/dev/null
end
complete -c belay -f -a '(__belay_complete)'
`,
};

export function completionScript(shell: Shell): string {
  return scripts[shell];
}
