import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { App } from '@supabase/lite';

type StorageAdapter = NonNullable<App['_storageAdapter']>;
type ObjectMetadata = Awaited<ReturnType<StorageAdapter['uploadObject']>>;

const etag = (bytes: Uint8Array): string => `"${createHash('md5').update(bytes).digest('hex')}"`;

const metadata = (bytes: Uint8Array, mimetype: string, cacheControl: string, lastModified: Date): ObjectMetadata => ({
  cacheControl,
  contentLength: bytes.byteLength,
  size: bytes.byteLength,
  mimetype,
  lastModified,
  eTag: etag(bytes),
});

async function bytesOf(body: Parameters<StorageAdapter['uploadObject']>[3]): Promise<Uint8Array> {
  if (body instanceof Uint8Array) return body;
  const chunks: Uint8Array[] = [];
  for await (const chunk of body as AsyncIterable<Uint8Array>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const MIME: Record<string, string> = { '.png': 'image/png', '.jpg': 'image/jpeg', '.jpeg': 'image/jpeg', '.webp': 'image/webp' };

/** Keeps a cluster's storage objects as files under one folder: `<folder>/<bucket>/<object name>`. */
export function createFileStorage(folder: string): StorageAdapter {
  const root = path.resolve(folder);
  const fileOf = (bucket: string, key: string): string => {
    const file = path.resolve(root, bucket, key);
    if (!file.startsWith(root + path.sep)) throw new Error('object name leads out of the storage folder');
    return file;
  };
  const read = async (bucket: string, key: string): Promise<{ bytes: Buffer; metadata: ObjectMetadata }> => {
    const file = fileOf(bucket, key);
    const [bytes, { mtime }] = await Promise.all([readFile(file), stat(file)]);
    return { bytes, metadata: metadata(bytes, MIME[path.extname(key)] ?? 'application/octet-stream', 'max-age=3600', mtime) };
  };
  const write = async (bucket: string, key: string, bytes: Uint8Array): Promise<void> => {
    const file = fileOf(bucket, key);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, bytes);
  };
  const remove = (bucket: string, key: string): Promise<void> => rm(fileOf(bucket, key), { force: true });

  return {
    driver: null,
    async getObject(bucket, key) {
      const found = await read(bucket, key);
      return { httpStatusCode: 200, metadata: found.metadata, body: found.bytes };
    },
    async uploadObject(bucket, key, _version, body, contentType, cacheControl) {
      const bytes = await bytesOf(body);
      await write(bucket, key, bytes);
      return metadata(bytes, contentType, cacheControl, new Date());
    },
    deleteObject: (bucket, key) => remove(bucket, key),
    async deleteObjects(bucket, keys) {
      for (const key of keys) await remove(bucket, key);
    },
    async copyObject(sourceBucket, source, _version, targetBucket, target) {
      const found = await read(sourceBucket, source);
      await write(targetBucket, target, found.bytes);
      return { httpStatusCode: 200, eTag: found.metadata.eTag, lastModified: new Date() };
    },
    headObject: async (bucket, key) => (await read(bucket, key)).metadata,
    privateAssetUrl: (bucket, key) => Promise.resolve(`file://${fileOf(bucket, key)}`),
  };
}
