import { messageOf } from './wait.ts';

/** One part of the stack as it comes up. */
export interface PartEvent {
  part: string;
  state: 'starting' | 'note' | 'ready' | 'failed';
  /** What a person wants to know: an address, what takes long, why it failed. */
  text?: string;
}

export type OnPart = (event: PartEvent) => void;

/** Parts in the order in which they are shown. */
export const partNames = (clusterIds: readonly string[]): string[] => [
  'postgres',
  'temporal',
  'mercadopago',
  'mail',
  'admin-db',
  ...clusterIds,
  'worker',
  'api',
  'relay',
];

/**
 * Brings up one part and reports on it. `describe` says of the finished part what is worth showing.
 */
export async function bringUp<T>(
  part: string,
  onPart: OnPart,
  start: (note: (text: string) => void) => Promise<T>,
  describe: (made: T) => string | undefined = () => undefined,
): Promise<T> {
  onPart({ part, state: 'starting' });
  try {
    const made = await start((text) => onPart({ part, state: 'note', text }));
    const text = describe(made);
    onPart({ part, state: 'ready', ...(text === undefined ? {} : { text }) });
    return made;
  } catch (error) {
    onPart({ part, state: 'failed', text: messageOf(error) });
    throw error;
  }
}
