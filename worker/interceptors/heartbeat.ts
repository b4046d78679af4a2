import type { Context } from '@temporalio/activity';
import type { ActivityInboundCallsInterceptor } from '@temporalio/worker';

/** How often an activity that takes long asks whether it is still wanted, ms. */
const ASK_EVERY_MS = 2_000;

/**
 * Lets every activity hear that its run was cancelled: the news comes with the answer to a heartbeat, which most activities have no
 * reason to send. One with a heartbeat timeout beats by itself, by its progress; beating for it would hide that it hangs. Local
 * activities hear of it without.
 */
export function heartbeatInterceptor(context: Context): ActivityInboundCallsInterceptor {
  return {
    async execute(input, next) {
      if (context.info.isLocal || (context.info.heartbeatTimeoutMs ?? 0) > 0) return next(input);
      const timer = setInterval(() => context.heartbeat(), ASK_EVERY_MS);
      try {
        return await next(input);
      } finally {
        clearInterval(timer);
      }
    },
  };
}
