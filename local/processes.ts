import { AltaError, isAltaError } from '../contract/errors.ts';
import { describeExit, launchChild, type Child, type ChildExit, type ChildSpec, type LaunchedChild } from './child.ts';

export interface Supervisor {
  readonly dataDir: string;
  /** Starts a child and waits until it is ready. Throws INTERNAL with the child's last lines when it dies or stays silent. */
  start(spec: ChildSpec): Promise<Child>;
  /** Runs a program to its end. Throws INTERNAL with its last lines when it fails. */
  run(spec: Omit<ChildSpec, 'readyLine' | 'readyProbe' | 'readyTimeoutMs'>): Promise<void>;
  /** Ends what is left, the last started first, and refuses new starts from now on. */
  stopAll(): Promise<void>;
  /** Ends everything at once, without asking. */
  killAll(): void;
}

export interface SupervisorOptions {
  dataDir: string;
  /** Called when a ready child dies without having been asked to. */
  onDeath?: ((child: Child, exit: ChildExit, lastLines: string) => void) | undefined;
}

/** True for a start that ended only because the stack is stopping. */
export const isCancelled = (error: unknown): boolean => isAltaError(error) && error.code === 'CANCELLED';

/**
 * Starts and ends processes. Each leads a process group of its own, so that Ctrl-C reaches only the parent, which ends them in
 * order; each is recorded for the next start, should the parent be killed; and none outlives `process.exit`.
 */
export function createSupervisor({ dataDir, onDeath }: SupervisorOptions): Supervisor {
  const living = new Set<LaunchedChild>();
  let closing = false;

  const killAll = (): void => {
    for (const child of living) child.killGroup();
  };
  process.on('exit', killAll);

  function launch(spec: ChildSpec): LaunchedChild {
    if (closing) throw new AltaError('CANCELLED', `${spec.name} was not started: the stack is stopping`);
    const child = launchChild(spec, dataDir);
    living.add(child);
    void child.exited.then(() => living.delete(child));
    return child;
  }

  return {
    dataDir,
    async start(spec) {
      const child = launch(spec);
      try {
        await child.untilReady();
      } catch (error) {
        await child.stop();
        throw closing ? new AltaError('CANCELLED', `${spec.name}: the stack is stopping`) : error;
      }
      void child.exited.then((exit) => {
        if (!child.stopping && !closing) onDeath?.(child, exit, child.lastLines());
      });
      return child;
    },
    async run(spec) {
      const child = launch(spec);
      const exit = await child.exited;
      if (closing) throw new AltaError('CANCELLED', `${spec.name}: the stack is stopping`);
      if (exit.code !== 0) throw new AltaError('INTERNAL', `${spec.name} ${describeExit(exit)}; its last lines:\n${child.lastLines()}`);
    },
    async stopAll() {
      closing = true;
      // Later parts lean on earlier ones; the services of one level stop together.
      for (const child of [...living].reverse()) await child.stop();
      process.off('exit', killAll);
    },
    killAll,
  };
}
