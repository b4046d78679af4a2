import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/**
 * Runs jest on a configuration of its own, for suites that have a command and options, which reach them through the environment: `seed` as
 * `<prefix>SEED`. Gives the exit code.
 */
export async function runJest(config: string, prefix: string, options: Readonly<Record<string, string>>, args: string[]): Promise<number> {
  const jest = fileURLToPath(new URL('../../node_modules/jest/bin/jest.js', import.meta.url));
  const env = Object.fromEntries(Object.entries(options).map(([name, value]) => [`${prefix}${name.toUpperCase()}`, value]));
  const child = spawn(
    process.execPath,
    ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', jest, '--config', config, ...args],
    {
      stdio: 'inherit',
      env: { ...process.env, ...env },
    },
  );
  const [code] = (await once(child, 'exit')) as [number | null];
  return code ?? 1;
}
