import fc from 'fast-check';
import { OUTBOX_TARGETS } from '../../contract/outbox.ts';
import type { MercadoPagoControl } from '../../local/mercadopago/control.ts';
import type { Operation } from '../../local/mercadopago/types.ts';
import { define, NOTHING, type Definition } from './command.ts';
import { choose, type Kind, type Model } from './model.ts';

const who = { actor: 'ana', reason: 'as agreed' };
const KINDS = ['worker', 'relay', 'api'] as const;
/** Two of a kind show what is done by both at once; a worker costs seconds to start. */
const MOST: Record<Kind, number> = { worker: 2, relay: 2, api: 2 };
/** More calls than any run makes. */
const ALL_CALLS = 1_000_000;

const clustersThat = ({ clusters }: Model, ...states: string[]): number[] =>
  clusters.flatMap((state, index) => (states.includes(state) ? [index] : []));

const cluster = (kind: string, to: Model['clusters'][number], from: readonly string[]): Definition =>
  define<{ which: number }>({
    kind,
    args: fc.record({ which: fc.nat({ max: 9 }) }),
    can: (model) => clustersThat(model, ...from).length > 0,
    async act(model, real, { which }) {
      const index = choose(clustersThat(model, ...from), which)!;
      const line = real.world.lines[index]!;
      if (to === 'up') await line.up();
      else if (to === 'down') await line.down();
      else line.hush();
      model.clusters[index] = to;
    },
  });

/** Mercado Pago is there again. Single calls that are still to fail are no outage, and stay so. */
export async function answerAgain({ faults }: MercadoPagoControl): Promise<void> {
  const single = (await faults.pending()).filter(({ operation }) => operation !== '*');
  await faults.clear();
  for (const fault of single) await faults.add(fault);
}

/** What breaks: processes, clusters, Mercado Pago. */
export const FAULTS: readonly Definition[] = [
  define<{ process: Kind; which: number }>({
    kind: 'kill',
    args: fc.record({ process: fc.constantFrom(...KINDS), which: fc.nat({ max: 1 }) }),
    can: ({ running }, { process }) => running[process] > 0,
    async act(model, real, { process, which }) {
      await real.processes.kill(process, which);
      model.running[process] -= 1;
      if (process === 'worker') model.disturbed = true;
    },
  }),
  define<{ process: Kind }>({
    kind: 'start',
    args: fc.record({ process: fc.constantFrom(...KINDS) }),
    can: ({ running }, { process }) => running[process] < MOST[process],
    async act(model, real, { process }) {
      await real.processes.start(process);
      model.running[process] += 1;
    },
  }),
  cluster('cluster-down', 'down', ['up', 'slow']),
  cluster('cluster-slow', 'slow', ['up']),
  cluster('cluster-back', 'up', ['down', 'slow']),
  define({
    kind: 'mercado-pago-away',
    args: NOTHING,
    can: ({ mercadoPago }) => mercadoPago === 'up',
    async act(model, { world }) {
      await world.simulator.control.faults.add({ operation: '*', kind: 'refuse', count: ALL_CALLS });
      model.mercadoPago = 'away';
      model.disturbed = true;
    },
  }),
  define({
    kind: 'mercado-pago-back',
    args: NOTHING,
    can: ({ mercadoPago }) => mercadoPago === 'away',
    async act(model, { world }) {
      await answerAgain(world.simulator.control);
      model.mercadoPago = 'up';
    },
  }),
  define<{ operation: Operation; how: 'refuse' | 'lost'; count: number }>({
    kind: 'mercado-pago-fails',
    args: fc.record({
      operation: fc.constantFrom('refund.create' as const, 'refund.create' as const, 'oauth.token' as const, 'payment.get' as const),
      // Nothing is done, or it is done and nobody hears of it.
      how: fc.constantFrom('refuse' as const, 'lost' as const),
      count: fc.integer({ min: 1, max: 3 }),
    }),
    can: ({ mercadoPago }) => mercadoPago === 'up',
    async act(model, { world }, { operation, how, count }) {
      await world.simulator.control.faults.add({ operation, kind: how, count });
      if (operation === 'oauth.token') model.disturbed = true;
    },
  }),
  define({
    kind: 'pause-outbox',
    args: NOTHING,
    can: ({ paused }) => !paused,
    async act(model, { alta }) {
      for (const target of OUTBOX_TARGETS) await alta.outbox.pause(target, who);
      model.paused = true;
    },
  }),
  define({
    kind: 'resume-outbox',
    args: NOTHING,
    can: ({ paused }) => paused,
    async act(model, { alta }) {
      for (const target of OUTBOX_TARGETS) await alta.outbox.resume(target, who);
      model.paused = false;
    },
  }),
];
