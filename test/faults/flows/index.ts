import { startedTwice, troubled, type Flow } from '../flow.ts';
import { changes, deletion, dueDates, publication, standing } from './account.ts';
import { cancellation, compensation, parking, rejection, reversal } from './compensation.ts';
import { credentials, deauthorization, limited, lostGrant } from './credentials.ts';
import { checkout, copies, onboarding } from './onboarding.ts';
import { refund } from './refund.ts';
import { claims, trouble } from './relay.ts';
import { lostCredentials, shop } from './shop.ts';
import { rest, upkeep } from './upkeep.ts';

export { onboarding } from './onboarding.ts';

/** A try of a step that took a slot and did not know: the next one finds it. */
const placedTwice = troubled(onboarding, 'a slot taken twice', ({ faults }, { id }) =>
  faults.at('admin-db.take-slot', { mode: 'fail-after', times: 1, of: id }),
);
/** A mail that surely did not go out is tried again. */
const mailAway = troubled(standing, 'the mailer away', ({ faults }, { id }) =>
  faults.at('mailer.send', { mode: 'fail-before', code: 'MAIL_UNAVAILABLE', times: 1, of: id }),
);
/** An export that cannot be read back is thrown away, and made again. */
const badCopy = troubled(deletion, 'a copy that cannot be read', ({ faults }, { id }) =>
  faults.at('archives.read', { mode: 'fail-before', code: 'EXPORT_FAILED', times: 1, of: id }),
);

/** Every flow that is put under faults, those first that are struck at every boundary at every commit. */
export const FLOWS: readonly Flow[] = [
  onboarding,
  checkout,
  compensation,
  changes,
  credentials,
  refund,
  trouble,
  copies,
  rejection,
  parking,
  reversal,
  cancellation,
  standing,
  dueDates,
  deletion,
  publication,
  shop,
  lostCredentials,
  lostGrant,
  deauthorization,
  limited,
  placedTwice,
  mailAway,
  badCopy,
  startedTwice(refund, 'temporal.start-refund'),
  startedTwice(shop, 'temporal.start-confirm-order'),
  startedTwice(credentials, 'temporal.start-credentials'),
  startedTwice(standing, 'temporal.start-owner-notice'),
  ...upkeep,
  rest,
  claims,
];
