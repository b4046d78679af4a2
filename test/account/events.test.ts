import { SAMPLE_CHANGES, changeAccount } from '../support/account-changes.ts';
import { accountWorkflowId } from '../../contract/ids.ts';
import { ASPECTS, type AccountState } from '../../contract/account.ts';
import { eventually } from '../support/eventually.ts';
import { liveOrder } from '../support/live-order.ts';
import { startWorld, type PlacedOrder, type World } from '../support/world.ts';

let world: World;
let order: PlacedOrder;
beforeAll(async () => {
  world = await startWorld();
  order = await liveOrder(world);
}, 120_000);
afterAll(() => world.close());

const state = (): Promise<AccountState> =>
  world.temporal.workflow.getHandle(accountWorkflowId(order.accountId)).query<AccountState>('state');

test('P-211: account.created dirtied every aspect but the content, which is the merchant’s own from then on', async () => {
  expect(Object.keys((await state()).applied).sort()).toEqual(ASPECTS.filter((aspect) => aspect !== 'content').sort());
});

test.each(SAMPLE_CHANGES)(
  'P-210 P-222 P-300: %s reaches the account workflow through the relay with its aspects, %p, and no other',
  async (_type, aspects, change) => {
    const { eventKey, version } = await changeAccount(world.db, change(order.accountId));
    const { applied } = await eventually(async () => {
      const now = await state();
      return now.seen.includes(eventKey) && Object.keys(now.dirty).length === 0 ? now : undefined;
    }, eventKey);
    const current = ASPECTS.filter((aspect) => applied[aspect] === version);
    expect(current.sort()).toEqual([...aspects].sort());
  },
);
