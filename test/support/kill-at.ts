/**
 * Loaded before a process' own code (`node --import`): makes an effect boundary kill the process with SIGKILL, as a power cut
 * would. ALTA_KILL_AT is `<boundary>:<before|after>:<which passage, from 1>`.
 */
import { setEffectHook } from '../../adapters/effect.ts';

const [boundary, when, nth] = (process.env['ALTA_KILL_AT'] ?? '').split(':');
let passages = 0;

if (boundary) {
  setEffectHook(async (name, act) => {
    const dies = name === boundary && (passages += 1) === Number(nth);
    if (dies && when === 'before') process.kill(process.pid, 'SIGKILL');
    const result = await act();
    if (dies) process.kill(process.pid, 'SIGKILL');
    return result;
  });
}
