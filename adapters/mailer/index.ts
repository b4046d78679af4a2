import { createTransport } from 'nodemailer';
import { AltaError, isAltaError } from '../../contract/errors.ts';
import { effect } from '../effect.ts';
import { currentSignal, throwIfEnded } from '../signal.ts';

export interface Mail {
  to: string;
  subject: string;
  text: string;
  /** Stable over retries, so that a mail server can tell a repeat. */
  messageId: string;
}

export interface Mailer {
  /** Hands a mail to the server. Throws MAIL_UNAVAILABLE (may be retried), MAIL_REJECTED, or the reason of the caller's signal. */
  send(mail: Mail): Promise<void>;
  /** Connects and signs in without sending anything. Throws MAIL_UNAVAILABLE. */
  verify(): Promise<void>;
  close(): void;
}

/** Every wait of an SMTP conversation, ms. */
const TIMEOUT_MS = 10_000;

interface SmtpError {
  responseCode?: number;
  code?: string;
  /** What the conversation was at, such as `RCPT TO` or `DATA`. */
  command?: string;
  message?: string;
}

/** Before the message itself is handed over nothing can have been sent; a connection that broke off may have been further than it says. */
const BEFORE_MESSAGE: ReadonlySet<string | undefined> = new Set(['CONN', 'EHLO', 'HELO', 'STARTTLS', 'MAIL FROM', 'RCPT TO']);
const mayHaveSent = (command?: string, message = ''): boolean =>
  !(BEFORE_MESSAGE.has(command) || command?.startsWith('AUTH') === true) || /unexpectedly/.test(message);

/** Whether a failed send surely sent nothing, so that it may be tried again without a second mail. */
export const surelyUnsent = (error: unknown): boolean =>
  isAltaError(error) && error.code !== 'INTERNAL' && error.details['mayHaveSent'] !== true;

/** A mailer over SMTP. Without a URL every send fails with MAIL_UNAVAILABLE: a mail is never silently dropped. */
export function createMailer(options: { smtpUrl: string | undefined; from: string }): Mailer {
  if (options.smtpUrl === undefined) {
    return {
      send: () => Promise.reject(new AltaError('MAIL_UNAVAILABLE', 'SMTP_URL is not set')),
      verify: () => Promise.reject(new AltaError('MAIL_UNAVAILABLE', 'SMTP_URL is not set')),
      close: () => undefined,
    };
  }
  const transport = createTransport(options.smtpUrl, {
    from: options.from,
    connectionTimeout: TIMEOUT_MS,
    greetingTimeout: TIMEOUT_MS,
    socketTimeout: TIMEOUT_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
  } as object);
  return {
    async send({ messageId, ...mail }) {
      throwIfEnded();
      const signal = currentSignal();
      try {
        await effect('mailer.send', () =>
          transport.sendMail({
            ...mail,
            from: options.from,
            messageId: `<${messageId}@alta.example.com>`,
            ...(signal === undefined ? {} : { signal }),
          }),
        );
      } catch (error) {
        throwIfEnded();
        if (isAltaError(error)) throw error;
        const { responseCode, code, command, message } = error as SmtpError;
        // 5xx of SMTP is the server's last word about this message; everything else may pass.
        const rejected = responseCode !== undefined && responseCode >= 500;
        throw new AltaError(rejected ? 'MAIL_REJECTED' : 'MAIL_UNAVAILABLE', `SMTP: ${responseCode ?? code ?? 'no answer'}`, {
          cause: error,
          details: { mayHaveSent: !rejected && responseCode === undefined && mayHaveSent(command, message) },
        });
      }
    },
    async verify() {
      try {
        await effect('mailer.verify', () => transport.verify());
      } catch (error) {
        const { responseCode, code } = error as { responseCode?: number; code?: string };
        throw new AltaError('MAIL_UNAVAILABLE', `SMTP: ${responseCode ?? code ?? 'no answer'}`, { cause: error });
      }
    },
    close() {
      transport.close();
    },
  };
}
