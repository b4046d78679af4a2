/**
 * Loaded before a process' own code (`node --import`): makes an effect boundary end the process, with SIGKILL as a power cut would, or
 * with SIGTERM as an orchestrator does; with SIGSTOP it freezes there until somebody sends SIGCONT, and then goes on as a zombie.
 * ALTA_KILL_AT is `<boundary>:<before|after>:<which passage, from 1>[:SIGTERM|:SIGSTOP]`. With ALTA_KILL_EVENT only passages of the
 * outbox row of that key count.
 */
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { setEffectHook } from '../../adapters/effect.ts';
import { currentLogFields } from '../../adapters/log.ts';

const [boundary, when, nth, signal = 'SIGKILL'] = (process.env['ALTA_KILL_AT'] ?? '').split(':');
const event = process.env['ALTA_KILL_EVENT'];
let passages = 0;

/** Sends the signal and, if the process lives on, waits until it has heard: what follows happens during the shutdown. */
async function end(): Promise<void> {
  if (signal === 'SIGSTOP') {
    process.kill(process.pid, signal);
    // The signal may reach this thread a moment later; no timer fires while the process is stopped.
    await pause(20);
    return;
  }
  const heard = once(process, signal);
  process.kill(process.pid, signal);
  await heard;
}

if (boundary) {
  setEffectHook(async (name, act) => {
    const counts = name === boundary && (event === undefined || currentLogFields().eventKey === event);
    const dies = counts && (passages += 1) === Number(nth);
    if (dies && when === 'before') await end();
    const result = await act();
    if (dies && when === 'after') await end();
    return result;
  });
}
