#!/usr/bin/env node
import { enableCompileCache } from 'node:module';

// Compiling what a command needs takes as long as everything else at its start; the second command finds it compiled.
enableCompileCache();
const { runCli } = await import('./program.ts');
process.exitCode = await runCli(process.argv.slice(2));
