import { Command, CommanderError } from 'commander';
import { accountCommands } from './accounts.ts';
import { clusterCommands } from './clusters.ts';
import { credentialCommands } from './credentials.ts';
import { deadLetterCommands } from './dead-letters.ts';
import { dunningCommands } from './dunning.ts';
import { keyCommands } from './keys.ts';
import { doctorCommand } from './doctor.ts';
import { deploymentCommands } from './deployments.ts';
import { maintenanceCommands } from './maintenance.ts';
import { moneyCommands } from './money.ts';
import { onboardingCommands } from './onboardings.ts';
import { outboxCommands } from './outbox.ts';
import { EXIT, reportFailure } from './output.ts';
import { scheduleCommands } from './schedules.ts';
import { verifyCommand } from './verify.ts';
import { workerCommand } from './worker.ts';
import { refundCommands } from './refunds.ts';

/** Every command of `alta`. */
export function buildProgram(): Command {
  const program = new Command('alta')
    .description('Turns a paid order into a working store. Settings come from the environment, else from the running local stack.')
    .exitOverride()
    .showHelpAfterError()
    .configureHelp({ sortSubcommands: true });
  onboardingCommands(program);
  accountCommands(program);
  dunningCommands(program);
  refundCommands(program);
  clusterCommands(program);
  credentialCommands(program);
  moneyCommands(program);
  deadLetterCommands(program);
  outboxCommands(program);
  scheduleCommands(program);
  keyCommands(program);
  maintenanceCommands(program);
  doctorCommand(program);
  verifyCommand(program);
  deploymentCommands(program);
  workerCommand(program);
  return program;
}

/** Runs one command line (without `node` and the script) and returns the exit code. */
export async function runCli(args: readonly string[]): Promise<number> {
  process.exitCode = EXIT.ok;
  try {
    await buildProgram().parseAsync([...args], { from: 'user' });
    return process.exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    return reportFailure(error, args.includes('--json'));
  }
}
