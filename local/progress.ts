const NARROWEST = 40;

/** Options of every progress list. Where there is no terminal, or one of no width, each change is a line of its own. */
export const PROGRESS = {
  registerSignalListeners: false,
  fallbackRenderer: 'simple',
  fallbackRendererCondition: (): boolean => !process.stdout.isTTY || process.stdout.columns < NARROWEST,
} as const;
