/** A count as the report shows it. */
export const number = (value: unknown): string => (typeof value === 'number' ? Math.round(value).toLocaleString('en') : '-');

/** A length of time, given in ms. */
export const seconds = (value: unknown): string => (typeof value === 'number' ? `${(value / 1_000).toFixed(1)} s` : '-');
