import { connect, createSecureServer, constants, type Http2Session, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Authority, Identity } from './certificates.ts';

export interface TemporalGate {
  /** host:port. */
  address: string;
  /** One line a call: who called by certificate, what, and with which headers. */
  calls: { client: string; path: string; headers: IncomingHttpHeaders }[];
  close(): Promise<void>;
}

/**
 * What a hosted Temporal has in front: TLS that asks for a client certificate of `clients`, and passes every call on to the real
 * server at `target` (host:port), writing down what arrived. Calls without `apiKey` are refused, as Temporal Cloud does.
 */
export async function openTemporalGate(target: string, server: Identity, clients: Authority, apiKey: string): Promise<TemporalGate> {
  const calls: TemporalGate['calls'] = [];
  const sessions = new Set<Http2Session>();
  const keep = <T extends Http2Session>(session: T): T => {
    sessions.add(session);
    session.on('error', () => session.destroy());
    session.on('close', () => sessions.delete(session));
    return session;
  };
  const gate = createSecureServer({ ...server, ca: clients.cert, requestCert: true, rejectUnauthorized: true });
  gate.on('session', (near) => {
    keep(near);
    const far = keep(connect(`http://${target}`));
    near.on('close', () => far.close());
    far.on('close', () => near.close());
    const client = (near.socket as TLSSocket).getPeerCertificate().subject.CN;
    near.on('stream', (stream, headers) => {
      calls.push({ client: String(client), path: headers[':path'] ?? '', headers });
      stream.on('error', () => stream.close());
      if (headers.authorization !== `Bearer ${apiKey}`) return refuse(stream);
      const { ':method': method, ':path': path, ...rest } = headers;
      const plain = Object.fromEntries(Object.entries(rest).filter(([name]) => !name.startsWith(':')));
      const call = far.request({ ...plain, ':method': method, ':path': path });
      call.on('error', () => stream.close(constants.NGHTTP2_CANCEL));
      stream.on('close', () => call.close(constants.NGHTTP2_CANCEL));
      let trailers: IncomingHttpHeaders = {};
      call.on('trailers', (found: IncomingHttpHeaders) => (trailers = found));
      call.on('response', (found, flags) => {
        if (stream.destroyed || stream.closed) return;
        const ends = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
        stream.respond(found, { endStream: ends, waitForTrailers: !ends });
        stream.on('wantTrailers', () => stream.sendTrailers(trailers));
        if (!ends) call.pipe(stream);
      });
      stream.pipe(call);
    });
  });
  await new Promise<void>((resolve) => gate.listen(0, '127.0.0.1', resolve));
  return {
    address: `127.0.0.1:${String((gate.address() as AddressInfo).port)}`,
    calls,
    async close() {
      const closed = new Promise((resolve) => gate.close(resolve));
      for (const session of sessions) session.destroy();
      await closed;
    },
  };
}

/** gRPC code 16: unauthenticated. */
function refuse(stream: ServerHttp2Stream): void {
  const headers = { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '16', 'grpc-message': 'no such key' };
  stream.respond(headers, { endStream: true });
}
