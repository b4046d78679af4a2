/** One deliberate bug in Alta's own code, and the tests that have to fail because of it. */
export interface Mutant {
  name: string;
  /** What it breaks: a law of design.md or an invariant of the oracle. */
  law: string;
  file: string;
  /** Texts that have to be found exactly once, and what stands there instead. */
  edits: readonly (readonly [find: string, replace: string])[];
  /** Test files, with a part of a test's name: in each file one of those has to fail. */
  killers: readonly { file: string; name: string }[];
}

const CLAIM_VALUES = 'values: [[...targets], limit, leaseSeconds, owner, idle],';

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'the undo is registered after the act',
    law: 'law 6, G3',
    file: 'workflows/saga.ts',
    edits: [
      ['    if (undo) this.#undos.push({ step, wave: this.#wave, onlyWhenClean: options?.onlyWhenClean ?? false, act: undo });\n', ''],
      [
        '        const result = await act();\n',
        '        const result = await act();\n        if (undo) this.#undos.push({ step, wave: this.#wave, onlyWhenClean: options?.onlyWhenClean ?? false, act: undo });\n',
      ],
    ],
    killers: [{ file: 'test/saga.test.ts', name: 'law 6: a step that acted and then failed is undone' }],
  },
  {
    name: 'a failed undo is swallowed',
    law: 'law 6, G2',
    file: 'workflows/saga.ts',
    edits: [
      [
        "      this.#host.changed(undo.step, 'compensation_failed');\n      return failureOf(error);",
        "      this.#host.changed(undo.step, 'compensation_failed');\n      failureOf(error);\n      return undefined;",
      ],
    ],
    killers: [{ file: 'test/saga.test.ts', name: 'P-160: a failed undo parks after the others of its wave ran' }],
  },
  {
    name: 'undos run in a scope that a cancellation ends',
    law: 'law 6, G3',
    file: 'workflows/saga.ts',
    edits: [['    return CancellationScope.nonCancellable(async () => {', '    return CancellationScope.cancellable(async () => {']],
    killers: [{ file: 'test/saga.test.ts', name: 'P-150: a cancelled run is undone completely' }],
  },
  {
    name: 'an exhausted transient failure undoes the run',
    law: 'law 7',
    file: 'workflows/onboarding.ts',
    edits: [["return policy.onExhausted === 'compensate' ? 'abort' : 'park';", "return 'abort';"]],
    killers: [
      { file: 'test/onboarding/outage.test.ts', name: 'P-162 P-752 law 7: the cluster goes down at cluster.seed-content' },
      { file: 'test/commands/commands.test.ts', name: 'P-162 P-752: an order that meets dead clusters' },
    ],
  },
  {
    name: 'the fence of the client row is dropped',
    law: 'law 5, G6',
    file: 'supabase/migrations/20261125000100_store_life.sql',
    edits: [['  if was.id is not null and was.sync_version >= v then', '  if was.id is not null and was.sync_version = v then']],
    killers: [
      { file: 'test/cluster/fence.test.ts', name: 'P-125 P-732: a repeat changes nothing' },
      { file: 'test/interleavings/fence.test.ts', name: 'P-125 P-732: whatever the order of three writes' },
    ],
  },
  {
    name: 'an undo ignores whose row it is',
    law: 'law 5, G3',
    file: 'supabase/migrations/20261122000300_client.sql',
    edits: [['  elsif now_row.onboarding_id = stamp then\n', '  elsif true then\n']],
    killers: [{ file: 'test/cluster/fence.test.ts', name: 'P-121 P-151: an onboarding over an existing store' }],
  },
  {
    name: 'an undo deletes an auth user that another onboarding made',
    law: 'law 5, G3',
    file: 'adapters/cluster/admin-user.ts',
    edits: [
      [
        "if (elsewhere || user.app_metadata['onboarding_id'] !== jobId) return { outcome: 'kept' };",
        "if (elsewhere) return { outcome: 'kept' };",
      ],
    ],
    killers: [{ file: 'test/cluster/owner.test.ts', name: 'law 5: a user that an earlier onboarding made stays' }],
  },
  {
    name: 'a tombstone refuses no late write',
    law: 'law 5, G3',
    file: 'supabase/migrations/20261122000200_shop_and_ledger.sql',
    edits: [
      [
        '  return exists (\n    select 1 from public.sync_tombstones t',
        '  return false and exists (\n    select 1 from public.sync_tombstones t',
      ],
    ],
    killers: [{ file: 'test/cluster/fence.test.ts', name: 'P-150: an undo that comes before its act refuses the act' }],
  },
  {
    name: 'the pivot does not look whether its job is being undone',
    law: 'law 7, G2',
    file: 'adapters/admin-db/activate.ts',
    edits: [[' and j.activated_at is null and j.undo_began_at is null', ' and j.activated_at is null']],
    killers: [{ file: 'test/interleavings/pivot.test.ts', name: 'P-133 law 7: a late try of the pivot' }],
  },
  {
    name: 'a late try claims a slug during the undo',
    law: 'law 5, G3',
    file: 'adapters/admin-db/slugs.ts',
    edits: [
      [
        "status in ('queued', 'running', 'waiting', 'parked') and undo_began_at is null",
        "status in ('queued', 'running', 'waiting', 'parked')",
      ],
    ],
    killers: [{ file: 'test/interleavings/slug.test.ts', name: 'P-159: a late try of a claim' }],
  },
  {
    name: 'a slot is taken without a look at the capacity',
    law: 'G1',
    file: 'adapters/admin-db/take-slot.ts',
    edits: [['      and (c.max_tenants is null or c.tenant_count < c.max_tenants)\n', '']],
    killers: [{ file: 'test/interleavings/reservation.test.ts', name: 'P-124 P-505: of three accounts' }],
  },
  {
    name: 'seen keys are not carried over continue-as-new',
    law: 'law 10, G5',
    file: 'workflows/account.ts',
    edits: [
      [
        'await continueAsNew<typeof account>(accountId, state, limits);',
        'await continueAsNew<typeof account>(accountId, { ...state, seen: [] }, limits);',
      ],
    ],
    killers: [{ file: 'test/account/fire.test.ts', name: 'P-300: by signals counted' }],
  },
  {
    name: 'what was told during an apply is forgotten',
    law: 'law 4, G5',
    file: 'workflows/account-inbox.ts',
    edits: [
      [
        '    if (wanted <= version) delete state.dirty[aspect];',
        '    if (wanted <= version || wanted !== asked[aspect]) delete state.dirty[aspect];',
      ],
    ],
    killers: [{ file: 'test/account/fire.test.ts', name: 'law 4: what is told while an apply is under way' }],
  },
  {
    name: 'one account is told many things at once',
    law: 'law 4, G8',
    file: 'client/relay/deliver-account.ts',
    edits: [
      [
        "  await inTurn(payload.accountId, () => callTemporal(temporal, 'temporal.signal-account', send));",
        "  void inTurn;\n  await callTemporal(temporal, 'temporal.signal-account', send);",
      ],
    ],
    killers: [{ file: 'test/relay.test.ts', name: 'P-222 P-300 a burst for one account' }],
  },
  {
    name: 'the outbox is read by a watermark',
    law: 'law 1, G5',
    file: 'adapters/admin-db/outbox.ts',
    edits: [
      ['export function claimOutbox(db: Tx,', "let seen = '-infinity';\nexport async function claimOutbox(db: Tx,"],
      [
        "  return db.query<OutboxRow>({\n    name: 'admin-db.claim-outbox',",
        "  const claimed = await db.query<OutboxRow>({\n    name: 'admin-db.claim-outbox',",
      ],
      ['due_at <= now() and target = any(', 'due_at <= now() and (attempt_count > 0 or created_at > $6::timestamptz) and target = any('],
      [
        `    ${CLAIM_VALUES}\n  });`,
        '    values: [[...targets], limit, leaseSeconds, owner, idle, seen],\n  });\n  for (const { createdAt } of claimed) if (createdAt > seen) seen = createdAt;\n  return claimed;',
      ],
    ],
    killers: [{ file: 'test/interleavings/outbox.test.ts', name: 'P-221: what is committed late is claimed' }],
  },
  {
    name: 'a lease ends by the clock of the relay',
    law: 'law 1, G5',
    file: 'adapters/admin-db/outbox.ts',
    edits: [
      ['due_at <= now() and target = any(', 'due_at <= $6::timestamptz and target = any('],
      [CLAIM_VALUES, 'values: [[...targets], limit, leaseSeconds, owner, idle, now().toISOString()],'],
      ["import type { Tx } from './db.ts';", "import { now } from '../clock.ts';\nimport type { Tx } from './db.ts';"],
    ],
    killers: [{ file: 'test/admin-db/outbox.test.ts', name: 'clocks P-221: a lease is by the clock of the database' }],
  },
  {
    name: 'a lease is written by the clock of the relay',
    law: 'law 1, G5',
    file: 'adapters/admin-db/outbox.ts',
    edits: [
      ['locked_until = now() + make_interval(secs => $3)', 'locked_until = $6::timestamptz + make_interval(secs => $3)'],
      [CLAIM_VALUES, 'values: [[...targets], limit, leaseSeconds, owner, idle, new Date(Date.now()).toISOString()],'],
    ],
    killers: [{ file: 'test/admin-db/outbox.test.ts', name: 'clocks P-221: a lease is by the clock of the database' }],
  },
  {
    name: 'a mark counts without the token of its claim',
    law: 'law 1, G5',
    file: 'adapters/admin-db/outbox-marks.ts',
    edits: [['where id = $1 and claim_token = $2\n', 'where id = $1 and $2::uuid is not null\n']],
    killers: [{ file: 'test/interleavings/outbox.test.ts', name: 'P-227: who holds the claim when a mark comes decides' }],
  },
  {
    name: 'a mark ignores that its fact happened again',
    law: 'law 1, G5',
    file: 'adapters/admin-db/outbox-marks.ts',
    edits: [
      [
        "    status = case when generation = $3 then ${outcome.status} else 'pending' end,",
        '    status = case when generation >= $3 then ${outcome.status} end,',
      ],
    ],
    killers: [{ file: 'test/interleavings/outbox.test.ts', name: 'P-221 P-227: a fact that happens again' }],
  },
  {
    name: 'a webhook is answered before it is committed',
    law: 'law 1, G1',
    file: 'client/api/webhook.ts',
    edits: [
      [
        '    const { inboxId, first } = await accept();',
        "    accept().catch(() => undefined);\n    const { inboxId, first } = { inboxId: '', first: true };",
      ],
    ],
    killers: [{ file: 'test/intake.test.ts', name: 'notifications P-111 while the Admin DB is away the answer is 503' }],
  },
  {
    name: 'notifications are the same when data.id and type are',
    law: 'law 1, G4',
    file: 'adapters/mercadopago/notification.ts',
    edits: [
      [
        '  if (id !== undefined && id !== dataId) return `n:${id}`;',
        "  if (dataId !== undefined) return `d:${dataId}:${String(query['type'])}`;",
      ],
    ],
    killers: [
      { file: 'test/mercadopago/notification.test.ts', name: 'P-170: the delivery key approved and later refunded' },
      { file: 'test/intake.test.ts', name: 'notifications P-170 a refund that follows an approval' },
    ],
  },
  {
    name: 'a signature may be shorter than the hash',
    law: 'law 1',
    file: 'adapters/mercadopago/signature.ts',
    edits: [
      [
        "  if (!/^[0-9a-f]{64}$/.test(hash)) return fail('hash-malformed');",
        "  if (!/^([0-9a-f]{2}){1,32}$/.test(hash)) return fail('hash-malformed');",
      ],
      ['      if (timingSafeEqual(expected, given))', '      if (timingSafeEqual(expected.subarray(0, given.length), given))'],
    ],
    killers: [{ file: 'test/mercadopago/signature.test.ts', name: 'P-104: a hostile webhook is refused with its reason' }],
  },
  {
    name: 'signatures are compared as strings',
    law: 'law 1',
    file: 'adapters/mercadopago/signature.ts',
    edits: [
      ['      if (timingSafeEqual(expected, given))', "      if (expected.toString('hex') === hash && timingSafeEqual(given, given))"],
    ],
    killers: [{ file: 'test/mercadopago/signature.test.ts', name: 'P-104: what is secret is compared in constant time' }],
  },
  {
    name: 'a second payment starts a second run',
    law: 'law 2, G1',
    file: 'client/relay/deliver-onboarding.ts',
    edits: [
      [
        '  if (!BEFORE_STORE.has(account.status)) {\n    if (mine) return !isFinal(job)',
        "  if (account.status === 'nothing') {\n    if (mine) return !isFinal(job)",
      ],
    ],
    killers: [{ file: 'test/onboarding/payment.test.ts', name: 'decision 18: a second payment of a live account' }],
  },
  {
    name: 'the key of a refund is the id of its run',
    law: 'law 8, G4',
    file: 'activities/refund.ts',
    edits: [
      ['{ idempotencyKey: refundId, ...part }', '{ idempotencyKey: Context.current().info.workflowExecution?.runId ?? refundId, ...part }'],
    ],
    killers: [{ file: 'test/money/refund.test.ts', name: 'REFUND_ON_FAILURE P-161 operator: the run ends' }],
  },
  {
    name: 'the key of a refund is made anew with every try',
    law: 'law 8, G4',
    file: 'activities/refund.ts',
    edits: [['{ idempotencyKey: refundId, ...part }', '{ idempotencyKey: globalThis.crypto.randomUUID(), ...part }']],
    killers: [
      { file: 'test/money/refund.test.ts', name: 'at most once P-161: Mercado Pago fails before it acts' },
      { file: 'test/commands/commands.test.ts', name: 'P-161 P-752: what was paid twice goes back once' },
    ],
  },
  {
    name: 'a sealed value opens at another place',
    law: 'law 9',
    file: 'adapters/vault/index.ts',
    edits: [
      ['      cipher.setAAD(Buffer.from(placeName(place)));\n', ''],
      ['      decipher.setAAD(Buffer.from(placeName(place)));\n', ''],
    ],
    killers: [{ file: 'test/vault.test.ts', name: 'the vault P-018: a sealed value moved to ' }],
  },
  {
    name: 'payloads go to Temporal in plain',
    law: 'law 9, G7',
    file: 'adapters/temporal/data-converter.ts',
    edits: [['    ...(keys === undefined ? {} : {', '    ...(keys === undefined || namespace !== undefined ? {} : {']],
    killers: [{ file: 'test/codec/endpoint.test.ts', name: 'P-615: opens every payload of a history' }],
  },
  {
    name: 'a foreign error message is kept as it is',
    law: 'law 9, G7',
    file: 'adapters/scrub.ts',
    edits: [
      [
        'export const redact = (text: string): string => SECRET_SHAPES.reduce((rest, shape) => rest.replace(shape, HIDDEN), hideValues(text));',
        'export const redact = (text: string): string => (SECRET_SHAPES.length === 0 ? hideValues(text) : text);',
      ],
    ],
    killers: [{ file: 'test/secrets.test.ts', name: 'law 9: an undeclared failure that quotes a token' }],
  },
  {
    name: 'a command leaves no row in the audit',
    law: 'G9',
    file: 'adapters/admin-db/account-commands.ts',
    edits: [
      [
        '  await addLifecycleEvent(tx, { accountId, type: `command.${command.action}`, from, to, actor: command.actor, reason: command.reason });\n',
        '  void [addLifecycleEvent, from, to];\n',
      ],
    ],
    killers: [{ file: 'test/admin-db/account-commands.test.ts', name: 'hold P-200 P-210 P-302 P-015' }],
  },
];
