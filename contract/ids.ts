/** Names that every process agrees on. Ids hold account ids only, never an e-mail or a slug (law 2). */
export const ONBOARDING_WORKFLOW = 'onboarding';
export const ACCOUNT_WORKFLOW = 'account';
export const REFUND_WORKFLOW = 'refund';
export const CREDENTIALS_WORKFLOW = 'credentials';
export const CONFIRM_ORDER_WORKFLOW = 'confirmOrder';
export const OWNER_NOTICE_WORKFLOW = 'ownerNotice';

export const TASK_QUEUES = {
  /** Onboardings: paid orders must never wait behind upkeep. */
  provisioning: 'alta-provisioning',
  /** The life of a store after its onboarding. */
  accounts: 'alta-accounts',
  /** Sweeps and polls of the whole installation. */
  upkeep: 'alta-upkeep',
} as const;

export type QueueName = keyof typeof TASK_QUEUES;
export const QUEUE_NAMES = Object.keys(TASK_QUEUES) as QueueName[];

/** Task queues carry a prefix so that several installations can share one namespace. */
export const taskQueue = (name: QueueName, prefix = ''): string => `${prefix}${TASK_QUEUES[name]}`;

/** The deployment that an installation's worker versions belong to; prefixed as its task queues are. */
export const deploymentName = (name: string, prefix = ''): string => `${prefix}${name}`;

export const onboardingWorkflowId = (accountId: string): string => `onboarding/${accountId}`;
/** Holds the id of the payment that is given back, as Mercado Pago numbers it. */
export const refundWorkflowId = (paymentId: string): string => `refund/${paymentId}`;
export const accountWorkflowId = (accountId: string): string => `account/${accountId}`;
/** One run at a time for each task of an account; a consent that a seller brought is a fact of its own. */
export const credentialsWorkflowId = (accountId: string, task: string, authorizationId: string | null = null): string =>
  `credentials/${accountId}/${task}${authorizationId === null ? '' : `/${authorizationId}`}`;

/** One run for each payment of a buyer, by the store that it went to. */
export const confirmOrderWorkflowId = (accountId: string, paymentId: string): string => `order/${accountId}/${paymentId}`;

/** One run for each event that the owner of a store is told of; an event's key holds the account's id and a version. */
export const ownerNoticeWorkflowId = (eventKey: string): string => `notice/${eventKey}`;

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/** Whether a text is a UUID, in either case. */
export const isUuid = (text: string): boolean => UUID.test(text);
