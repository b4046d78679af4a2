import { z } from 'zod';
import { PALETTE_KEYS } from './checkout.ts';

const line = (max: number) => z.string().trim().min(1).max(max);

/**
 * Settings of a store that are kept in the Admin DB and synced to `client_home_settings` (P-217, O-35). Every key that is not here is
 * refused. Null takes the key off the store.
 */
const SETTINGS = {
  palette: z.enum(PALETTE_KEYS).nullable(),
  headline: line(120).nullable(),
  announcement: line(300).nullable(),
  contact_phone: line(40).nullable(),
  contact_email: z.string().trim().toLowerCase().pipe(z.email().max(254)).nullable(),
  instagram: z
    .string()
    .regex(/^[A-Za-z0-9._]{1,30}$/, 'write the name without @')
    .nullable(),
  show_stock: z.boolean().nullable(),
} as const;

export type SettingKey = keyof typeof SETTINGS;
export const SETTING_KEYS = Object.keys(SETTINGS) as [SettingKey, ...SettingKey[]];

/** What an edit names is set, what it does not name stays, null takes away. At least one key. */
export const settingsPatchSchema = z
  .strictObject(SETTINGS)
  .partial()
  .refine((patch) => Object.keys(patch).length > 0, 'name at least one setting');
export type SettingsPatch = z.infer<typeof settingsPatchSchema>;
