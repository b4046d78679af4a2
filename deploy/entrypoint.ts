/**
 * The image's entry point: `<command> [arguments]`. It becomes the process that the command names, in the same process, so that
 * signals arrive where they are handled. An unknown command prints the list and exits with 64 (EX_USAGE).
 */
const COMMANDS: Record<string, readonly [file: string, ...args: string[]]> = {
  worker: ['../worker/main.ts'],
  api: ['../client/api/main.ts'],
  relay: ['../client/relay/main.ts'],
  migrate: ['../client/cli/main.ts', 'migrate'],
  cli: ['../client/cli/main.ts'],
  health: ['./health.ts'],
};

const [node = '', script = '', name = '', ...rest] = process.argv;
const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
if (command === undefined) {
  process.stderr.write(`alta: name a command: ${Object.keys(COMMANDS).join(' | ')}\n`);
  process.exitCode = 64;
} else {
  const [file, ...args] = command;
  process.argv = [node, script, ...args, ...rest];
  await import(new URL(file, import.meta.url).href);
}
