import { expect, test } from '@jest/globals';
import { circumstances, saveFigures } from '../proof/figures.ts';
import { runPlans } from './runs.ts';

/** What `main.ts` was asked for. */
const number = (name: string, otherwise: number): number => Number(process.env[`ALTA_COMMANDS_${name}`] ?? otherwise);
const path = process.env['ALTA_COMMANDS_PATH'];
const note = (text: string): void => void process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${text}\n`);
const DAY_MS = 86_400_000;

test(
  'P-752 G1 to G9: what people and faults do in any order comes to what the model says',
  async () => {
    const where = circumstances();
    const options = {
      seed: number('SEED', Date.now() % 1_000_000),
      runs: number('RUNS', 1_000),
      minutes: number('MINUTES', 10),
      most: number('MOST', 80),
      tries: number('TRIES', 4),
      ...(path === undefined ? {} : { path }),
    };
    note(`commands: seed ${String(options.seed)}`);
    const report = await runPlans(options, note);
    saveFigures('commands', { ...where, ...report });
    note(JSON.stringify(report, null, 2));
    expect(report.violations).toEqual([]);
  },
  DAY_MS,
);
