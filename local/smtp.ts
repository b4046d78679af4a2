import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { SMTPServer } from 'smtp-server';
import { writePrivateFile } from './keys.ts';

export interface CaughtMail {
  /** Envelope recipients. */
  to: string[];
  /** The whole message as it was sent: headers, blank line, body. */
  source: string;
  /** Its text, decoded. */
  text: string;
  /** Where it is kept. */
  file: string;
}

export interface MailCatcher {
  /** For `SMTP_URL`. */
  url: string;
  /** Every message in the directory, oldest first. */
  messages(): CaughtMail[];
  close(): Promise<void>;
}

const RECIPIENTS = 'X-Caught-For: ';
const MAX_MESSAGE_BYTES = 5 * 1024 * 1024;

/** A mail server that accepts every message and delivers none: it keeps them in `dir`, one file each. */
export async function startMailCatcher(dir: string): Promise<MailCatcher> {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  let count = 0;
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    disableReverseLookup: true,
    size: MAX_MESSAGE_BYTES,
    logger: false,
    onData(stream, session, done) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.once('error', done);
      stream.once('end', () => {
        if (stream.sizeExceeded) {
          done(Object.assign(new Error('message too large'), { responseCode: 552 }));
          return;
        }
        count += 1;
        const name = `${new Date().toISOString().replaceAll(':', '-')}-${process.pid}-${String(count).padStart(6, '0')}.eml`;
        const to = session.envelope.rcptTo.map(({ address }) => address).join(', ');
        writePrivateFile(join(dir, name), `${RECIPIENTS}${to}\r\n${Buffer.concat(chunks).toString('utf8')}`);
        done();
      });
    },
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  server.on('error', () => undefined);
  const { port } = server.server.address() as AddressInfo;
  return {
    url: `smtp://127.0.0.1:${port}`,
    messages: () => readMessages(dir),
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}

function readMessages(dir: string): CaughtMail[] {
  const names = readdirSync(dir)
    .filter((name) => name.endsWith('.eml'))
    .sort();
  return names.map((name) => {
    const file = join(dir, name);
    const text = readFileSync(file, 'utf8');
    const end = text.indexOf('\r\n');
    const source = text.slice(end + 2);
    return { to: text.slice(RECIPIENTS.length, end).split(', '), source, text: decodeText(source), file };
  });
}

/** The text of a message of one part, which is what Alta sends. */
function decodeText(source: string): string {
  const split = source.indexOf('\r\n\r\n');
  const [head, body] = [source.slice(0, split), source.slice(split + 4)];
  const encoding = /^content-transfer-encoding:\s*(\S+)/im.exec(head)?.[1]?.toLowerCase();
  if (encoding === 'base64') return Buffer.from(body, 'base64').toString('utf8');
  if (encoding !== 'quoted-printable') return body;
  const bytes = body.replace(/=\r\n/g, '').replace(/=([0-9A-F]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString('utf8');
}
