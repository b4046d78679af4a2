import { fileURLToPath } from 'node:url';
import { z } from 'zod';

/** Where archives of deleted stores lie: below a folder of this machine, or in a private bucket of a cluster's storage. */
export type ArchivePlace = { kind: 'file'; dir: string } | { kind: 'cluster'; clusterId: string; bucket: string };

const CLUSTER_PLACE = /^cluster:\/\/([A-Za-z0-9_-]{1,100})\/([a-z0-9][a-z0-9-]{1,62})$/;

/** Reads `file:///absolute/folder` or `cluster://<cluster id>/<bucket>`. */
export const archivePlaceSchema = z.string().transform((text, ctx): ArchivePlace => {
  const [, clusterId, bucket] = CLUSTER_PLACE.exec(text) ?? [];
  if (clusterId !== undefined && bucket !== undefined) return { kind: 'cluster', clusterId, bucket };
  try {
    if (text.startsWith('file:///') && text.length > 'file:///'.length) return { kind: 'file', dir: fileURLToPath(text) };
  } catch {
    // Told below, like any other text that is no place.
  }
  ctx.addIssue({ code: 'custom', message: 'write file:///absolute/folder or cluster://<cluster id>/<bucket>' });
  return z.NEVER;
});
