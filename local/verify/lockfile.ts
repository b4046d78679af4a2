import { lockedPackages, packageName, type Lockfile, type Manifest, type Report } from './check.ts';

const EXACT = /^\d+\.\d+\.\d+(-[\w.]+)?$/;

/**
 * Exact versions, a digest for every package, nothing from git or an address, and no install script that package.json's
 * `allowScripts` does not name. Needs no network.
 */
export function checkLockfile(manifest: Manifest, lock: Lockfile): Report {
  const faults: string[] = [];
  const wanted = { ...manifest.dependencies, ...manifest.devDependencies };
  for (const [name, version] of Object.entries(wanted)) {
    if (!EXACT.test(version)) faults.push(`package.json: ${name} is "${version}", not an exact version`);
    const locked = lock.packages[`node_modules/${name}`]?.version;
    if (locked !== version) faults.push(`package-lock.json: ${name} is ${locked ?? 'missing'}, package.json says ${version}`);
  }
  for (const [name, version] of Object.entries(manifest.overrides ?? {}))
    if (!EXACT.test(version) && version !== `$${name}`) faults.push(`package.json: the override of ${name} is "${version}"`);
  const scripts = new Set<string>();
  for (const [place, found] of lockedPackages(lock)) {
    const name = packageName(place);
    if (found.link) faults.push(`${place}: a link, not a package`);
    else if (!/^sha512-/.test(found.integrity ?? '')) faults.push(`${place}: no sha512 digest`);
    // Registry addresses are left out of the lockfile, so whatever is there points elsewhere.
    if (found.resolved !== undefined) faults.push(`${place}: comes from "${found.resolved}", not by name from the registry`);
    if (found.hasInstallScript) scripts.add(name);
  }
  for (const name of scripts)
    if (manifest.allowScripts?.[name] === undefined) faults.push(`${name}: has an install script that allowScripts does not name`);
  for (const name of Object.keys(manifest.allowScripts ?? {}))
    if (!scripts.has(name)) faults.push(`allowScripts names ${name}, which has no install script`);
  const summary = `${lockedPackages(lock).length} packages, exact and with digests; ${scripts.size} install scripts, all named`;
  return { name: 'lockfile', summary, faults };
}
