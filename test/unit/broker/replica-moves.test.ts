import { expect, test } from 'vitest'
import { LogDirectories } from '../../../src/broker/log-directories.ts'
import { ReplicaMoves } from '../../../src/broker/replica-moves.ts'
import { KafkaError } from '../../../src/protocol/error-codes.ts'
import { Logging } from '../../../src/shared/logger.ts'
import type { Uuid } from '../../../src/shared/uuid.ts'

type Move = { readonly replica: string; readonly logDir: string; finish(): void; fail(message: string): void }

function start(options: { lost?: string[]; cordoned?: string; offsets?: { logStartOffset: bigint; logEndOffset: bigint; sizeBytes: number }; copied?: number } = {}) {
  const begun: Move[] = []
  const moved: string[] = []
  const lines: string[] = []
  const where = new Map<string, string>()
  const given = new Map([['cordoned.log.dirs', options.cordoned ?? '']])
  const directories = new LogDirectories(['/a', '/b', '/c'].map((path) => ({ path, id: path as Uuid })), () => ({ dynamicBroker: given, dynamicDefault: new Map(), given: new Map() }))
  for (const path of options.lost ?? []) directories.fail(path)
  const moves = new ReplicaMoves({
    directories,
    dataPlane: {
      moveReplica: (topic, partition, logDir) =>
        new Promise((resolve, reject) => {
          const replica = `${topic}-${partition}`
          begun.push({ replica, logDir, finish: () => (where.set(replica, logDir), resolve()), fail: (message) => reject(new Error(message)) })
        }),
      partitionOffsets: (partitions) => partitions.map(({ topic, partition }) => ({ logStartOffset: 0n, logEndOffset: 0n, sizeBytes: 0, ...options.offsets, logDir: where.get(`${topic}-${partition}`) ?? '/a' }) as never),
    },
    replica: (topic) => (topic === 'elsewhere' ? 'elsewhere' : topic === 'unknown' ? 'unknown' : 'here'),
    copiedBytes: async () => options.copied ?? 0,
    onMoved: (topic, partition, logDir) => moved.push(`${topic}-${partition} ${logDir}`),
    logger: new Logging({ write: (line) => lines.push(line) }).logger('broker'),
  })
  return { moves, begun, moved, lines }
}

const settled = () => new Promise((resolve) => setImmediate(resolve))

test.each([
  { case: 'a name that is too long for a copy', topic: 'x'.repeat(215), logDir: '/b', error: 'INVALID_TOPIC_EXCEPTION' },
  { case: 'a directory that is not this broker\'s', topic: 't', logDir: '/nowhere', error: 'LOG_DIR_NOT_FOUND' },
  { case: 'a directory that has failed', topic: 't', logDir: '/b', lost: ['/b'], error: 'KAFKA_STORAGE_ERROR' },
  { case: 'a cordoned directory', topic: 't', logDir: '/b', cordoned: '/c, /b', error: 'INVALID_REPLICA_ASSIGNMENT' },
  { case: 'any directory where all are cordoned', topic: 't', logDir: '/b', cordoned: '*', error: 'INVALID_REPLICA_ASSIGNMENT' },
  { case: 'no such partition', topic: 'unknown', logDir: '/b', error: 'UNKNOWN_TOPIC_OR_PARTITION' },
  { case: 'no replica here', topic: 'elsewhere', logDir: '/b', error: 'REPLICA_NOT_AVAILABLE' },
])('refuses $case with $error', ({ topic, logDir, lost, cordoned, error }) => {
  const { moves, begun } = start({ ...(lost && { lost }), ...(cordoned && { cordoned }) })
  let refusal: unknown
  try {
    moves.place(topic, 0, logDir)
  } catch (thrown) {
    refusal = thrown
  }
  expect(refusal instanceof KafkaError && refusal.errorName).toBe(error)
  expect(begun).toEqual([])
})

test('moves one replica after the other, in the order in which that was asked for, and says where each is', async () => {
  const { moves, begun, moved } = start()
  moves.place('t', 0, '/b')
  moves.place('t', 1, '/c')
  expect(begun.map(({ replica, logDir }) => [replica, logDir])).toEqual([['t-0', '/b']])
  expect((await moves.future()).map(({ partition, logDir }) => [partition, logDir])).toEqual([[0, '/b'], [1, '/c']])
  begun[0]?.finish()
  await settled()
  expect(moved).toEqual(['t-0 /b'])
  begun[1]?.finish()
  await settled()
  expect(moved).toEqual(['t-0 /b', 't-1 /c'])
  expect(await moves.future()).toEqual([])
})

test('a replica that is where it is to be does not move, and one that waits may be asked back', async () => {
  const { moves, begun } = start()
  moves.place('t', 0, '/a')
  expect(begun).toEqual([])
  moves.place('t', 1, '/b')
  moves.place('t', 2, '/b')
  moves.place('t', 2, '/a')
  begun[0]?.finish()
  await settled()
  expect(begun.map(({ replica }) => replica)).toEqual(['t-1'])
})

test('what is asked for while a replica moves is done after that', async () => {
  const { moves, begun, moved } = start()
  moves.place('t', 0, '/b')
  moves.place('t', 0, '/b')
  moves.place('t', 0, '/a')
  expect((await moves.future()).map(({ logDir }) => logDir)).toEqual(['/a'])
  begun[0]?.finish()
  await settled()
  begun[1]?.finish()
  await settled()
  expect(begun.map(({ logDir }) => logDir)).toEqual(['/b', '/a'])
  expect(moved).toEqual(['t-0 /b', 't-0 /a'])
})

test('a move that fails is told once and the next begins', async () => {
  const { moves, begun, moved, lines } = start()
  moves.place('t', 0, '/b')
  moves.place('t', 1, '/b')
  begun[0]?.fail('disk')
  await settled()
  expect(lines).toEqual([expect.stringMatching(/WARN .*cannot move a replica.*topic=t partition=0 logDir=\/b error=disk/)])
  begun[1]?.finish()
  await settled()
  expect(moved).toEqual(['t-1 /b'])
})

test('after the end nothing begins and nothing is told of what was cut off', async () => {
  const { moves, begun, lines } = start()
  moves.place('t', 0, '/b')
  moves.place('t', 1, '/b')
  moves.close()
  begun[0]?.fail('the broker is stopping')
  await settled()
  expect([begun.length, lines]).toEqual([1, []])
})

test.each([
  { copied: 0, sizeBytes: 1000, lag: 100n },
  { copied: 250, sizeBytes: 1000, lag: 75n },
  { copied: 1000, sizeBytes: 1000, lag: 0n },
  { copied: 1200, sizeBytes: 1000, lag: 0n },
  { copied: 0, sizeBytes: 0, lag: 0n },
])('of $sizeBytes bytes $copied are copied: $lag offsets are left', async ({ copied, sizeBytes, lag }) => {
  const { moves } = start({ copied, offsets: { logStartOffset: 50n, logEndOffset: 150n, sizeBytes } })
  moves.place('t', 0, '/b')
  expect(await moves.future()).toEqual([{ topic: 't', partition: 0, logDir: '/b', sizeBytes: copied, offsetLag: lag }])
})

test('a replica that is to come remembers where to, once', () => {
  const { moves } = start()
  expect(() => moves.place('elsewhere', 3, '/c')).toThrow()
  expect([moves.takePreferred('elsewhere', 3), moves.takePreferred('elsewhere', 3)]).toEqual(['/c', undefined])
})
