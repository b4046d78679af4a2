import { existsSync } from 'node:fs';
import { settingFaults, type Config } from '../../../adapters/config.ts';
import { createVault } from '../../../adapters/vault/index.ts';
import { isAltaError } from '../../../contract/errors.ts';
import { fail, ok, warn, type Finding } from './check.ts';
import { checkCodecSettings } from './codec-keys.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** Every setting by its name: whether it is there and well formed. No value is shown. */
export function checkSettings(env: Env): Finding[] {
  return settingFaults(env).map(({ name, fault, given }) => {
    if (fault === null) return ok(`setting ${name}`, given ? 'set' : 'default');
    return fail(`setting ${name}`, fault, `Set ${name} as .env.example describes it, and start the processes again.`);
  });
}

/** What is well formed and yet not fit for production. */
export function checkProduction(config: Config): Finding[] {
  return [...webhookAddress(config), ...vaultKeys(config), ...codec(config), ...bundle(config), ...mail(config)];
}

const isProduction = ({ NODE_ENV }: Config): boolean => NODE_ENV === 'production';

function webhookAddress(config: Config): Finding[] {
  const { protocol, hostname } = new URL(config.PUBLIC_URL);
  const name = 'webhook address';
  if (protocol === 'https:') return [ok(name, `${hostname} over https`)];
  const fix = 'Set PUBLIC_URL to the https address under which Mercado Pago reaches the API.';
  return [
    (isProduction(config) ? fail : warn)(name, `${protocol.slice(0, -1)} at ${hostname}: Mercado Pago notifies over https only`, fix),
  ];
}

function vaultKeys(config: Config): Finding[] {
  try {
    return [ok('vault keys', `new values are sealed under ${createVault(config.ALTA_VAULT_KEYS).currentKeyId}`)];
  } catch (error) {
    if (!isAltaError(error)) throw error;
    return [fail('vault keys', error.message, 'Set ALTA_VAULT_KEYS to "id:base64 of 32 bytes" (openssl rand -base64 32).')];
  }
}

function codec(config: Config): Finding[] {
  try {
    return checkCodecSettings(config);
  } catch (error) {
    if (!isAltaError(error)) throw error;
    return [fail('codec keys', error.message, 'Set ALTA_CODEC_KEYS to "id:base64 of 32 bytes" (openssl rand -base64 32).')];
  }
}

function bundle(config: Config): Finding[] {
  const file = config.ALTA_WORKFLOW_BUNDLE;
  const fix = 'Write it with `npm run build:bundle` and name it in ALTA_WORKFLOW_BUNDLE.';
  if (file === undefined)
    return isProduction(config) ? [fail('workflow bundle', 'none is named', fix)] : [ok('workflow bundle', 'bundled at start')];
  return [existsSync(file) ? ok('workflow bundle', file) : fail('workflow bundle', `${file} is not there`, fix)];
}

const mail = (config: Config): Finding[] =>
  config.SMTP_URL === undefined ? [warn('mail server', 'none is set: every owner’s mail parks', 'Set SMTP_URL.')] : [];
