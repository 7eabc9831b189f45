// A laboratory for verdicts: network namespaces, one per way of running rules, into which the same packets are sent.
// lab.py does what Node cannot (packet sockets, namespaces without names) and takes everything with it when it ends.
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export interface Done {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

/** One Ethernet frame and the place of the receiver's interface that it comes in through. */
export interface Frame {
  readonly through: number;
  readonly bytes: Uint8Array;
}

export interface Lab {
  readonly run: (where: string, argv: readonly string[], input?: string) => Promise<Done>;
  /** Sends each frame to every one of them; gives the processor that the receivers handle them on. */
  readonly send: (to: readonly string[], frames: readonly Frame[]) => Promise<{ readonly cpu: number }>;
  readonly close: () => Promise<void>;
}

/** Receivers' interfaces by name with their hardware addresses; the sender's addresses differ in the last byte. */
export const interfaces = {
  eth0: '02:00:00:00:01:01',
  docker0: '02:00:00:00:02:01',
  'br-lan': '02:00:00:00:03:01',
} as const;
export type InterfaceName = keyof typeof interfaces;
export const interfaceNames = Object.keys(interfaces) as readonly InterfaceName[];

interface Answer {
  readonly reply: Readonly<Record<string, unknown>>;
  readonly body: Buffer;
}

/** Puts the answers of lab.py together again: a line of JSON, and as many bytes as it says. */
const reader = (child: ChildProcess): { readonly next: () => Promise<Answer> } => {
  let held = Buffer.alloc(0);
  let ended = '';
  let wake: () => void = () => undefined;
  child.stdout?.on('data', (chunk: Buffer) => {
    held = Buffer.concat([held, chunk]);
    wake();
  });
  child.on('close', () => {
    ended ||= 'the laboratory ended';
    wake();
  });
  let said = '';
  child.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const take = (): Answer | undefined => {
    const end = held.indexOf(10);
    if (end < 0) return undefined;
    const reply = JSON.parse(held.subarray(0, end).toString()) as Answer['reply'];
    const size = Number(reply['out'] ?? 0) + Number(reply['err'] ?? 0);
    if (held.length < end + 1 + size) return undefined;
    const body = Buffer.from(held.subarray(end + 1, end + 1 + size));
    held = held.subarray(end + 1 + size);
    return { reply, body };
  };
  return {
    next: async () => {
      for (;;) {
        const answer = take();
        if (answer) return answer;
        if (ended) throw new Error(`${ended}: ${said}`);
        await new Promise<void>((resolve) => (wake = resolve));
      }
    },
  };
};

const frameBody = (frames: readonly Frame[]): Buffer =>
  Buffer.concat(
    frames.flatMap(({ through, bytes }) => {
      const head = Buffer.alloc(4);
      head.writeUInt8(through, 0);
      head.writeUInt16BE(bytes.length, 2);
      return [head, Buffer.from(bytes)];
    }),
  );

export const openLab = async (names: readonly string[]): Promise<Lab> => {
  if (process.getuid?.() !== 0) throw new Error('the kernel tests make network namespaces: run them as root');
  const child = spawn('python3', [fileURLToPath(new URL('lab.py', import.meta.url))], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], LC_ALL: 'C' },
  });
  const { next } = reader(child);
  let busy: Promise<unknown> = Promise.resolve();
  const ask = (request: object, body: Buffer = Buffer.alloc(0)): Promise<Answer> => {
    const mine = busy.then(async () => {
      child.stdin.write(`${JSON.stringify({ ...request, size: body.length })}\n`);
      child.stdin.write(body);
      const answer = await next();
      if (answer.reply['error'] !== undefined)
        throw new Error(`the laboratory: ${JSON.stringify(answer.reply['error'])}`);
      return answer;
    });
    busy = mine.catch(() => undefined);
    return mine;
  };
  await ask({ op: 'make', names, interfaces });
  return {
    run: async (where, argv, input = '') => {
      const { reply, body } = await ask({ op: 'run', in: where, argv }, Buffer.from(input));
      const out = Number(reply['out']);
      return { status: Number(reply['status']), out: body.toString('utf8', 0, out), err: body.toString('utf8', out) };
    },
    send: async (to, frames) => {
      const { reply } = await ask({ op: 'send', to }, frameBody(frames));
      return { cpu: Number(reply['cpu']) };
    },
    close: async () => {
      const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
      child.stdin.end();
      await closed;
    },
  };
};
