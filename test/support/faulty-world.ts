import { afterAll, afterEach, beforeAll } from '@jest/globals';
import { createAltaClient, type AltaClient } from '../../client/index.ts';
import { installFaults, type Faults } from './faults.ts';
import { startWorld, type World, type WorldOptions } from './world.ts';

export interface FaultyWorld {
  world: World;
  /** Operators' commands, with the test's own rights. */
  alta: AltaClient;
  faults: Faults;
}

export interface FaultyWorldOptions extends WorldOptions {
  /** Takes back after each test what it changed besides faults. */
  mend?: () => Promise<unknown>;
  /** Cleans up after all tests, before the world ends. */
  leave?: () => Promise<unknown>;
}

/** Opens one world with faults for the tests of this file, and takes every fault away after each of them. `opened` is told of it. */
export function useFaultyWorld({ mend, leave, ...options }: FaultyWorldOptions, opened: (made: FaultyWorld) => void): void {
  let made: FaultyWorld | undefined;
  beforeAll(async () => {
    const world = await startWorld(options);
    const { db, temporal, config } = world;
    made = { world, alta: createAltaClient({ db, temporal, config }), faults: installFaults() };
    opened(made);
  }, 120_000);
  afterEach(async () => {
    made?.faults.clear();
    if (made) await mend?.();
  });
  afterAll(async () => {
    if (made) await leave?.();
    made?.faults.remove();
    await made?.world.close();
  });
}
