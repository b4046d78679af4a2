import type { ServerResponse } from 'node:http';
import { type Answer, send } from './http.ts';
import type { Fault, FaultKind, Operation } from './types.ts';

type Note = (status: number | null, fault: FaultKind | null, repeated?: boolean) => void;

export interface FaultDesk {
  /** Adds a fault for the next calls. */
  add(fault: Fault): void;
  /** What is still to come. */
  pending(): Fault[];
  /** Takes every fault back and drops the connections that hang. */
  clear(): void;
  around(operation: Operation, outgoing: ServerResponse, act: () => Promise<Answer>, record: Note): Promise<void>;
}

const HTML = '<html><body><h1>502 Bad Gateway</h1></body></html>';

/** Answers instead of the operation; undefined when the fault comes after acting. */
function answerInstead(fault: Fault): Answer | undefined {
  const wait = fault.retryAfterSeconds === undefined ? {} : { 'retry-after': String(fault.retryAfterSeconds) };
  switch (fault.kind) {
    case 'status': {
      const status = fault.status ?? 500;
      const error = status === 429 ? 'too_many_requests' : status >= 500 ? 'internal_error' : 'bad_request';
      return { status, body: { message: 'injected', error, status, cause: [] }, headers: wait };
    }
    case 'html':
      return { status: fault.status ?? 502, body: HTML, headers: wait };
    case 'not-json':
      return { status: 200, body: 'OK' };
    case 'json':
      return { status: fault.status ?? 200, body: fault.body ?? {}, headers: wait };
    case 'redirect':
      return { status: 302, body: {}, headers: { location: fault.location ?? 'http://127.0.0.1:9/' } };
    case 'huge':
      return { status: 200, body: { padding: 'x'.repeat(5 * 1024 * 1024) } };
    default:
      return undefined;
  }
}

/** Sends the headers and the first half of the body, then calls on. */
function sendHalf(outgoing: ServerResponse, answer: Answer, then: () => void): void {
  const text = JSON.stringify(answer.body);
  outgoing.writeHead(answer.status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  outgoing.write(text.slice(0, Math.floor(text.length / 2)), then);
}

/** Keeps the faults to come and plays them. */
export function createFaultDesk(): FaultDesk {
  let faults: (Fault & { count: number })[] = [];
  const hanging = new Set<ServerResponse>();

  const take = (operation: Operation): Fault | undefined => {
    const fault = faults.find((one) => one.operation === operation || one.operation === '*');
    if (fault !== undefined) fault.count -= 1;
    faults = faults.filter(({ count }) => count > 0);
    return fault;
  };
  const hang = (outgoing: ServerResponse): void => {
    hanging.add(outgoing);
    outgoing.once('close', () => hanging.delete(outgoing));
  };

  return {
    add: (fault) => void faults.push({ ...fault, count: fault.count ?? 1 }),
    pending: () => faults.map((fault) => ({ ...fault })),
    clear() {
      faults = [];
      for (const outgoing of hanging) outgoing.destroy();
    },
    async around(operation, outgoing, act, record) {
      const fault = take(operation);
      if (fault === undefined) {
        const answer = await act();
        record(answer.status, null, answer.repeated);
        return send(outgoing, answer);
      }
      const instead = answerInstead(fault);
      if (instead !== undefined) {
        record(instead.status, fault.kind);
        return send(outgoing, instead);
      }
      if (fault.kind === 'hang' || fault.kind === 'refuse') {
        record(null, fault.kind);
        return fault.kind === 'hang' ? hang(outgoing) : void outgoing.destroy();
      }
      if (fault.kind === 'delay') await new Promise((resolve) => setTimeout(resolve, fault.ms ?? 100));
      const answer = await act();
      record(fault.kind === 'lost' ? null : answer.status, fault.kind, answer.repeated);
      if (fault.kind === 'delay') return send(outgoing, answer);
      if (fault.kind === 'lost') return void outgoing.destroy();
      // A cut comes once the half is on its way, so that the caller really sees half a body.
      return sendHalf(outgoing, answer, () => (fault.kind === 'cut' ? void outgoing.destroy() : hang(outgoing)));
    },
  };
}
