import { lockedPackages, packageName, type Lockfile, type Report } from './check.ts';

/** Licences that ask for no more than their text to be passed on. */
const ALLOWED = new Set([
  'MIT',
  'MIT-0',
  'ISC',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'Apache-2.0',
  'BlueOak-1.0.0',
  '0BSD',
  'CC0-1.0',
  'Unlicense',
]);

interface Exception {
  licence: string;
  reason: string;
}

/** Every other package, by name, and why it may be used. */
const EXCEPTIONS: Record<string, Exception> = {
  '@azu/style-format': { licence: 'WTFPL', reason: 'asks for nothing; formats the secret scan, not shipped' },
  argparse: { licence: 'Python-2.0', reason: 'permissive, like BSD; development only' },
  binaryextensions: { licence: 'Artistic-2.0', reason: 'used unchanged; development only' },
  editions: { licence: 'Artistic-2.0', reason: 'used unchanged; development only' },
  istextorbinary: { licence: 'Artistic-2.0', reason: 'used unchanged; development only' },
  textextensions: { licence: 'Artistic-2.0', reason: 'used unchanged; development only' },
  'version-range': { licence: 'Artistic-2.0', reason: 'used unchanged; development only' },
  'caniuse-lite': { licence: 'CC-BY-4.0', reason: 'data, used unchanged by the bundler, named here' },
  mercadopago: { licence: 'none', reason: 'MIT by its LICENSE file; a second opinion in tests, not shipped' },
  'spdx-exceptions': { licence: 'CC-BY-3.0', reason: 'data, used unchanged; development only' },
  unionfs: { licence: 'none', reason: 'Unlicense by its LICENSE file; Temporal bundles workflows with it' },
};

/** Whether an SPDX expression of our simple kind (no nested brackets) leaves us an allowed choice. */
function isAllowed(expression: string): boolean {
  const plain = expression.replace(/^\((.*)\)$/, '$1');
  if (/[()]/.test(plain)) return false;
  return plain.split(' OR ').some((choice) => choice.split(' AND ').every((id) => ALLOWED.has(id.trim())));
}

/** Every locked package's licence against the list above; an exception that nobody needs any more is a fault too. Needs no network. */
export function checkLicences(lock: Lockfile, exceptions: Record<string, Exception> = EXCEPTIONS): Report {
  const counts = new Map<string, number>();
  const used = new Set<string>();
  const faults: string[] = [];
  for (const [place, { license = 'none', version = '' }] of lockedPackages(lock)) {
    const name = packageName(place);
    counts.set(license, (counts.get(license) ?? 0) + 1);
    if (isAllowed(license)) continue;
    if (exceptions[name]?.licence === license) used.add(name);
    else faults.push(`${name}@${version}: licence ${license} is neither allowed nor an exception`);
  }
  for (const name of Object.keys(exceptions)) if (!used.has(name)) faults.push(`${name}: the exception is not needed`);
  const most = [...counts].sort(([, a], [, b]) => b - a).slice(0, 4);
  const others = counts.size - most.length;
  const summary = `${most.map(([licence, count]) => `${count} ${licence}`).join(', ')}, ${others} others; ${used.size} exceptions`;
  return { name: 'licences', summary, faults };
}
