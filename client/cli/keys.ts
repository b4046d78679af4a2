import type { Command } from 'commander';
import { AltaError } from '../../contract/errors.ts';
import { actorOption } from './actor.ts';
import { withAlta } from './context.ts';
import { EXIT, print, printJson, table } from './output.ts';

/** `alta keys ...`: rotation of the keys that seal stored secrets and payloads (docs/keys.md). No key is ever shown. */
export function keyCommands(program: Command): void {
  const group = program.command('keys').description('the keys that seal stored secrets and payloads');

  group
    .command('status')
    .description('which keys are set, what is sealed under each, and which can be removed')
    .option('--json', 'machine-readable')
    .action(async ({ json }: { json?: boolean }) => {
      const status = await withAlta(({ alta }) => alta.keys.status(), 'keeper');
      if (json) return printJson(status);
      print(
        table(
          ['VAULT KEY', 'STATE', 'VALUES'],
          status.vault.map(({ keyId, state, rows }) => [keyId, state, String(rows)]),
        ),
      );
      print('');
      print(
        table(
          ['TABLE', 'FIELD', 'KEY', 'VALUES'],
          status.fields.map((field) => [field.table, field.field, field.keyId, String(field.rows)]),
          'nothing is sealed',
        ),
      );
      print('');
      print(
        table(
          ['CODEC KEY', 'STATE'],
          status.codec.map((keyId, index) => [keyId, index === 0 ? 'current' : 'needed while a history sealed under it is kept']),
          'no codec keys: payloads are plain',
        ),
      );
    });

  group
    .command('rotate')
    .description("seal the vault's rows anew under its first key; stopped, it goes on where it was; exit 1 when a value does not open")
    .option('--batch <n>', 'values in one transaction', '200')
    .addOption(actorOption())
    .option('--json', 'machine-readable')
    .action(async ({ batch, actor, json }: { batch: string; actor: string; json?: boolean }) => {
      const size = Number(batch);
      if (!Number.isInteger(size) || size < 1 || size > 5_000) throw new AltaError('INPUT_INVALID', 'batch: write a number from 1 to 5000');
      const onBatch = (resealed: number): void => void process.stderr.write(`${resealed} sealed anew\n`);
      const report = await withAlta(({ alta }) => alta.keys.rotate({ actor, batch: size, ...(json ? {} : { onBatch }) }), 'keeper');
      if (json) printJson(report);
      else {
        print(`${report.resealed} values sealed anew, ${report.changedMeanwhile} changed meanwhile, ${report.unopened.length} not opened`);
        for (const { table: name, field, id, code } of report.unopened) print(`${code}  ${name} ${id} ${field}`);
      }
      if (report.unopened.length > 0) process.exitCode = EXIT.failed;
    });
}
