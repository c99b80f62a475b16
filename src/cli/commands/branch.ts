import type { Command } from 'commander';
import type { Bind } from '../bind.js';
import { addBranchKeepCommands } from './branch-keep.js';
import { addBranchLookCommands } from './branch-look.js';
import { addBranchMakeCommands } from './branch-make.js';
import { addBranchServerCommands } from './branch-server.js';
import { addBranchUpkeepCommands } from './branch-upkeep.js';

export function addBranchCommand(program: Command, bind: Bind): void {
  const branch = program
    .command('branch')
    .description('writable databases that start from a snapshot, a branch or the target');
  addBranchMakeCommands(branch, bind);
  addBranchLookCommands(branch, bind);
  addBranchKeepCommands(branch, bind);
  addBranchServerCommands(branch, bind);
  addBranchUpkeepCommands(branch, bind);
}
