import type { Command } from 'commander';
import { diagnose, type Verdict } from '../operations/doctor/index.ts';
import { readEnvironment } from './context.ts';
import { EXIT, paint, print, printJson, table } from './output.ts';

const STYLES = { ok: 'green', warn: 'yellow', fail: 'red', skipped: 'gray' } as const satisfies Record<Verdict, string>;

/** `alta doctor`. */
export function doctorCommand(program: Command): void {
  program
    .command('doctor')
    .description('look at every setting and every connection, and say how to mend what is wrong; changes nothing')
    .option('--json', 'machine-readable')
    .action(async ({ json }: { json?: boolean }) => {
      const diagnosis = await diagnose(readEnvironment());
      if (json) printJson(diagnosis);
      else {
        const rows = diagnosis.findings.map(({ name, verdict, detail, fix }) => [
          paint(STYLES[verdict], verdict),
          name,
          fix === null ? detail : `${detail}. ${fix}`,
        ]);
        print(table(['', 'WHAT', 'FOUND'], rows));
        print(diagnosis.healthy ? paint('green', 'healthy') : paint('red', 'not healthy: see the lines marked fail'));
      }
      if (!diagnosis.healthy) process.exitCode = EXIT.failed;
    });
}
