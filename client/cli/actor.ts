import { Option } from 'commander';
import { userInfo } from 'node:os';

/** Who decides, unless told otherwise: the user's name. In a container the user is only a number, which has none. */
export function defaultActor(): string {
  try {
    return userInfo().username;
  } catch {
    return process.env['USER'] ?? `uid-${process.getuid?.() ?? 'unknown'}`;
  }
}

/** `--actor`, of every command that goes on record. */
export const actorOption = (): Option => new Option('--actor <name>', 'who decides').default(defaultActor(), 'your user name');
