import { z } from 'zod';
import * as account from '../../contract/account.ts';
import * as accountCommands from '../../contract/account-commands.ts';
import * as accountEvents from '../../contract/account-events.ts';
import * as checkout from '../../contract/checkout.ts';
import * as credentials from '../../contract/credentials.ts';
import * as dunning from '../../contract/dunning.ts';
import * as entitlements from '../../contract/entitlements.ts';
import * as notices from '../../contract/notices.ts';
import * as onboarding from '../../contract/onboarding.ts';
import * as outbox from '../../contract/outbox.ts';
import * as refund from '../../contract/refund.ts';
import * as settings from '../../contract/settings.ts';
import * as shop from '../../contract/shop.ts';
import * as slug from '../../contract/slug.ts';

const MODULES = [
  ...[account, accountCommands, accountEvents, checkout, credentials, dunning, entitlements],
  ...[notices, onboarding, outbox, refund, settings, shop, slug],
];

/** Every schema that the contract exports, by name. */
export const contractSchemas: ReadonlyMap<string, z.ZodType> = new Map(
  MODULES.flatMap((module) => Object.entries(module)).filter((entry): entry is [string, z.ZodType] => entry[1] instanceof z.ZodType),
);

/** What every schema says of every input: the value that it reads, or where it finds which fault. */
export const judgeAll = (inputs: readonly unknown[]): string[] =>
  [...contractSchemas].flatMap(([name, schema]) =>
    inputs.map((input, index) => {
      const { data, error } = schema.safeParse(input);
      const said =
        error === undefined ? data : error.issues.map(({ code, path, message }) => `${path.join('.')} ${code} ${message.toLowerCase()}`);
      return `${name} of input ${String(index)}: ${JSON.stringify(said)}`;
    }),
  );
