import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startAlta, type AltaProcess } from '../support/alta-process.ts';
import { eventually } from '../support/eventually.ts';
import { expectOneStore } from '../support/one-store.ts';
import { openLine, type Switchboard } from '../support/switchboard.ts';
import { startWorld, type PlacedOrder, type World } from '../support/world.ts';

/**
 * Alta's own relay and worker behind a line to each system that they lean on. The lines are cut, and go half-open (what is sent is lost,
 * nothing comes back), again and again while orders are under way: one store of each comes out all the same.
 */
const SETTINGS = {
  PostgreSQL: 'ADMIN_DATABASE_URL',
  Temporal: 'TEMPORAL_ADDRESS',
  'Mercado Pago': 'MP_BASE_URL',
  mail: 'SMTP_URL',
} as const;
const SYSTEMS = Object.keys(SETTINGS) as (keyof typeof SETTINGS)[];
const ORDERS = 4;
const ROUNDS = 2;

let world: World;
let lines: Record<keyof typeof SETTINGS, Switchboard>;
let processes: AltaProcess[] = [];

beforeAll(async () => {
  world = await startWorld({ run: { worker: false, relay: false }, policy: { retryAttempts: 30, stepTimeoutMs: 6_000 } });
  const env = { ...world.env, RELAY_LEASE_SECONDS: '2', RELAY_POLL_MAX_MS: '50' } as Record<string, string>;
  const opened = await Promise.all(
    SYSTEMS.map(async (system) => {
      const setting = SETTINGS[system];
      const [, scheme = '', rest = ''] = /^(\w+:\/\/)?(.*)$/.exec(env[setting] ?? '') ?? [];
      const address = /([\w.]+:\d+)/.exec(rest.replace(/^.*@/, ''))?.[1] ?? '';
      const line = await openLine(`http://${address}`);
      env[setting] = `${scheme}${rest.replace(address, new URL(line.url).host)}`;
      return [system, line] as const;
    }),
  );
  lines = Object.fromEntries(opened) as typeof lines;
  processes = [startAlta('worker', env), startAlta('relay', env)];
  await Promise.all(processes.map(({ ready }) => ready));
}, 120_000);
afterAll(async () => {
  await Promise.all(processes.map((alta) => alta.stop('SIGKILL')));
  await world.close();
  await Promise.all(Object.values(lines).map((line) => line.close()));
});

/** What the runs of these orders have written down so far. */
async function progressOf(orders: readonly PlacedOrder[]): Promise<{ steps: number; over: boolean }> {
  const [row] = await world.sql<{ steps: number; done: number }>(
    `select (select count(*)::int from provisioning_job_steps s join provisioning_jobs j on j.id = s.job_id where j.account_id = any($1::uuid[])) as steps,
       (select count(*)::int from provisioning_jobs where account_id = any($1::uuid[]) and status = 'completed') as done`,
    [orders.map(({ accountId }) => accountId)],
  );
  return { steps: row?.steps ?? 0, over: row?.done === orders.length };
}

test.each(SYSTEMS)(
  'P-752 G1: the line to %s is cut and goes half-open while orders are under way: one store of each',
  async (system) => {
    const line = lines[system];
    const orders = await Promise.all(Array.from({ length: ORDERS }, () => world.checkout()));
    // The first try of everything meets a line on which nothing comes back.
    line.hush();
    await Promise.all(orders.map((order) => world.pay(order)));
    let struck = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      await eventually(async () => line.lost() > 0 || (await progressOf(orders)).over, `a try that the line to ${system} swallows`);
      if (line.lost() > 0) struck += 1;
      await line.up();
      const { steps } = await progressOf(orders);
      const further = async (): Promise<boolean> => {
        // A payment that could not be looked at twice waits two minutes (P-226): its time comes at once here.
        await world.sql(`update outbox set next_attempt_at = now() where status = 'pending' and next_attempt_at > now()`);
        const now = await progressOf(orders);
        return now.steps > steps || now.over;
      };
      await eventually(further, `progress over the line to ${system}`, 90_000);
      await line.down();
      await line.up();
      line.hush();
    }
    await line.up();
    expect(struck).toBeGreaterThan(0);
    for (const order of orders) await expectOneStore(world, order);
  },
  240_000,
);
