/** What a check of `npm run verify` found: one line of the report, and a line for each fault. */
export interface Report {
  name: string;
  summary: string;
  faults: string[];
}

/** A package as package-lock.json names it. */
export interface LockedPackage {
  version?: string;
  resolved?: string;
  integrity?: string;
  license?: string;
  link?: boolean;
  dev?: boolean;
  hasInstallScript?: boolean;
}

export interface Lockfile {
  lockfileVersion: number;
  packages: Record<string, LockedPackage>;
}

export interface Manifest {
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  overrides?: Record<string, string>;
  allowScripts?: Record<string, boolean>;
}

/** The package's name from its place in the tree: `node_modules/a/node_modules/@b/c` is `@b/c`. */
export const packageName = (place: string): string => place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length);

/** Every package that is not the project itself. */
export const lockedPackages = ({ packages }: Lockfile): [place: string, found: LockedPackage][] =>
  Object.entries(packages).filter(([place]) => place !== '');
