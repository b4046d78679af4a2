import { createMailer } from '../../../adapters/mailer/index.ts';
import { createMercadoPago } from '../../../adapters/mercadopago/index.ts';
import type { Config } from '../../../adapters/config.ts';
import { examine, fail, ok, type Finding } from './check.ts';

/** Mercado Pago and the mail server. */
export async function checkOutside(config: Config): Promise<Finding[]> {
  const found = await Promise.all([
    examine(
      'mercado pago',
      () => mercadoPago(config),
      'Take the access token of the collecting account from the Mercado Pago panel: MP_ACCESS_TOKEN.',
    ),
    config.SMTP_URL === undefined ? [] : examine('mail server', () => mailServer(config), 'Start the mail server, or correct SMTP_URL.'),
  ]);
  return found.flat();
}

/** Asks whose token it is: payments are accepted only when they went to MP_COLLECTOR_ID. */
async function mercadoPago(config: Config): Promise<Finding> {
  const { MP_BASE_URL: baseUrl, MP_ACCESS_TOKEN: accessToken, MP_TIMEOUT_MS: timeoutMs, MP_COLLECTOR_ID: collector } = config;
  const user = await createMercadoPago({ baseUrl, accessToken, timeoutMs }).me(accessToken);
  if (user.id === collector) return ok('mercado pago', `the token is of collector ${collector}`);
  return fail(
    'mercado pago',
    `the token is of ${user.id}, MP_COLLECTOR_ID is ${collector}`,
    'Set MP_COLLECTOR_ID and MP_ACCESS_TOKEN of one account.',
  );
}

async function mailServer(config: Config): Promise<Finding> {
  const mailer = createMailer({ smtpUrl: config.SMTP_URL, from: config.MAIL_FROM });
  try {
    await mailer.verify();
    return ok('mail server', `${new URL(config.SMTP_URL ?? '').host} takes us`);
  } finally {
    mailer.close();
  }
}
