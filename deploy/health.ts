import { readFileSync } from 'node:fs';

/**
 * The image's health check: `health [worker | api | relay]` asks the process of this container whether it is alive, and exits with
 * 0 or 1. Without a name it asks the one that the container was started as. Readiness is not asked: a container is not made
 * well by a restart when what it leans on is down.
 */

/** Each process, and the setting with the port that it is asked on. */
const PORTS: Record<string, string> = { worker: 'WORKER_PROBE_PORT', relay: 'RELAY_PROBE_PORT', api: 'API_PORT' };
const ANSWERS_IN_MS = 3_000;

/** The first process of the container was started with the command as an argument, with or without an init before it. */
function startedAs(): string | undefined {
  const args = readFileSync('/proc/1/cmdline', 'utf8').split('\0');
  return args[args.findIndex((arg) => arg.endsWith('deploy/entrypoint.ts')) + 1];
}

const name = process.argv[2] ?? startedAs() ?? '';
const variable = Object.hasOwn(PORTS, name) ? PORTS[name] : undefined;
// `migrate` and `cli` end by themselves: nothing listens.
if (variable !== undefined) {
  const url = `http://127.0.0.1:${process.env[variable] ?? ''}/livez`;
  const answer = await fetch(url, { signal: AbortSignal.timeout(ANSWERS_IN_MS) }).then(
    ({ ok, status }) => (ok ? undefined : `answered ${status}`),
    () => 'does not answer',
  );
  if (answer !== undefined) {
    process.stderr.write(`${name}: ${url} ${answer}\n`);
    process.exitCode = 1;
  }
}
