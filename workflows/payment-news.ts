import type { News } from './run-state.ts';
import { SagaAborted } from './saga.ts';

export interface PaymentNewsHost {
  /** False for a run that began before there were safe points between the waves: it keeps to the one before the pivot. */
  everywhere: boolean;
  /** Whether the run was cancelled and may still be undone. */
  cancelled: () => boolean;
  /** Reads the payment again as a step of the run: parks, aborts or passes. */
  readPayment: () => Promise<unknown>;
}

/**
 * What reaches a running onboarding from outside: news of its payment, and its cancellation. They are looked at where the run
 * stands still and at the safe points between its waves; nothing is read when nothing came.
 */
export class PaymentNews implements News {
  readonly #host: PaymentNewsHost;
  #unread = false;
  #reading: Promise<void> | undefined;

  constructor(host: PaymentNewsHost) {
    this.#host = host;
  }

  /** Called by the signal's handler. */
  arrived(): void {
    this.#unread = true;
  }

  readonly came = (): boolean => this.#host.everywhere && (this.#unread || this.#host.cancelled());

  /** Reads the payment, once for all steps that wake at the same moment, and again for what came while it was read. */
  readonly read = async (): Promise<undefined> => {
    this.#throwIfCancelled();
    this.#reading ??= this.#readAll().finally(() => (this.#reading = undefined));
    await this.#reading;
    return undefined;
  };

  /** For the check of the payment when it is parked itself: it is tried again, not started beside. */
  readonly ofItself: News = {
    came: this.came,
    read: async () => {
      this.#throwIfCancelled();
      this.#unread = false;
      return Promise.resolve('retry');
    },
  };

  /** A safe point: what came meanwhile is looked at before anything more is done. Throws when the run has to be undone. */
  async safePoint(): Promise<void> {
    if (this.came()) await this.read();
  }

  async #readAll(): Promise<void> {
    while (this.#unread) {
      this.#unread = false;
      await this.#host.readPayment();
    }
  }

  #throwIfCancelled(): void {
    if (this.#host.everywhere && this.#host.cancelled())
      throw new SagaAborted({ code: 'CANCELLED', message: 'cancelled before the pivot' });
  }
}
