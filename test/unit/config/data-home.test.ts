import { homedir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { dataHome } from '../../../src/config/data-home.js';

describe('dataHome', () => {
  it.each([
    [{ BELAY_HOME: '/data/belay', XDG_DATA_HOME: '/xdg', HOME: '/home/a' }, 'linux', '/data/belay'],
    [{ XDG_DATA_HOME: '/xdg', HOME: '/home/a' }, 'linux', '/xdg/belay'],
    [{ XDG_DATA_HOME: '/xdg', HOME: '/home/a' }, 'darwin', '/xdg/belay'],
    [{ XDG_DATA_HOME: 'relative', HOME: '/home/a' }, 'linux', '/home/a/.local/share/belay'],
    [{ HOME: '/home/a' }, 'linux', '/home/a/.local/share/belay'],
    [{ HOME: '/home/a' }, 'darwin', '/home/a/Library/Application Support/belay'],
    [{ LOCALAPPDATA: '/local', HOME: '/home/a' }, 'win32', '/local/belay'],
    [{ HOME: '/home/a' }, 'win32', '/home/a/AppData/Local/belay'],
    [{ BELAY_HOME: '', HOME: '/home/a' }, 'linux', '/home/a/.local/share/belay'],
  ] as const)('%j on %s', (env, platform, expected) => {
    expect(dataHome(env, platform)).toBe(path.normalize(expected));
  });

  it('makes a relative BELAY_HOME absolute', () => {
    expect(dataHome({ BELAY_HOME: 'here' })).toBe(path.resolve('here'));
  });

  it('asks the system where HOME is not set', () => {
    expect(dataHome({}, 'linux')).toBe(path.join(homedir(), '.local/share/belay'));
  });
});
