import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { chromium, type Browser } from 'playwright-core';

/** Names under which distributions install it. */
const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
/** It asks nobody outside, and runs as root too, as in a container. */
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

const isProgram = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

/** The machine's Chromium. Throws, and says how to get one, where there is none: no test passes for want of it. */
export function chromiumPath(env: Record<string, string | undefined> = process.env): string {
  const named = env['CHROMIUM_PATH'];
  if (named) return named;
  const found = (env['PATH'] ?? '')
    .split(delimiter)
    .flatMap((dir) => NAMES.map((name) => join(dir, name)))
    .find(isProgram);
  if (found === undefined)
    throw new Error('no Chromium is installed: `apt-get install --no-install-recommends chromium`, or name one in CHROMIUM_PATH');
  return found;
}

export const launchChromium = (): Promise<Browser> => chromium.launch({ executablePath: chromiumPath(), headless: true, args: FLAGS });
