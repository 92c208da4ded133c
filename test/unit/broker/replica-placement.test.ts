import { expect, test } from 'vitest'
import type { DirectoryAssignment } from '../../../src/broker/directory-assignments.ts'
import { LogDirectories } from '../../../src/broker/log-directories.ts'
import { ReplicaPlacement } from '../../../src/broker/replica-placement.ts'
import { DIRECTORY_UNASSIGNED } from '../../../src/metadata/controller/topic-policies.ts'
import { MetadataDelta } from '../../../src/metadata/metadata-delta.ts'
import { KafkaError } from '../../../src/protocol/error-codes.ts'
import { Logging } from '../../../src/shared/logger.ts'
import { cluster, idOf, partition } from '../../support/cluster-images.ts'

const [A, B, OLD] = [idOf('a'), idOf('b'), idOf('old')]

/** A broker 1 whose directories are told of partition by partition in `metadata`, and on which replicas lie as `files` says. */
function start(options: { paths?: string[]; metadata: Record<string, typeof A>; files: Record<string, string>; cordoned?: string; preferred?: Record<string, string>; refuses?: boolean; lost?: string }) {
  const ids = new Map([['/a', A], ['/b', B]])
  const texts = new Map([['cordoned.log.dirs', options.cordoned ?? '']])
  const directories = new LogDirectories((options.paths ?? ['/a', '/b']).map((path) => ({ path, id: ids.get(path) ?? OLD })), () => ({ dynamicBroker: texts, dynamicDefault: new Map(), given: new Map() }))
  if (options.lost !== undefined) directories.fail(options.lost)
  const image = cluster({ topics: Object.fromEntries(Object.entries(options.metadata).map(([name, directory]) => [name, [partition({ replicas: [2, 1], directories: [idOf('other'), directory] })]])) })
  const [assigned, placed, lines]: [DirectoryAssignment[], string[], string[]] = [[], [], []]
  let lookUps = 0
  const preferred = new Map(Object.entries(options.preferred ?? {}))
  const placement = new ReplicaPlacement({
    nodeId: 1,
    directories,
    lookUp: async () => (lookUps++, new Map(Object.entries(options.files))),
    moves: {
      takePreferred: (topic, index) => preferred.get(`${topic}-${index}`),
      place: (topic, index, logDir) => {
        if (options.refuses === true) throw new KafkaError('KAFKA_STORAGE_ERROR')
        placed.push(`${topic}-${index} ${logDir}`)
      },
    },
    assign: (assignment) => assigned.push(assignment),
    logger: new Logging({ write: (line) => lines.push(line) }).logger('broker'),
  })
  const follow = async (): Promise<void> => {
    placement.follow(image, MetadataDelta.between(cluster({ topics: {} }), image))
    await settled()
  }
  const begin = async (): Promise<void> => {
    placement.start(image)
    await settled()
  }
  return { begin, follow, assigned: () => assigned.map(({ topicId, directoryId }) => [topicId, directoryId]), placed, lines, lookUps: () => lookUps }
}

const settled = () => new Promise((resolve) => setImmediate(resolve))

test('what the metadata has in another directory, or in none yet, is told where it lies at a start', async () => {
  const { begin, assigned, placed } = start({
    metadata: { right: A, moved: A, fresh: DIRECTORY_UNASSIGNED, foreign: OLD, gone: DIRECTORY_UNASSIGNED },
    files: { 'right-0': '/a', 'moved-0': '/b', 'fresh-0': '/b', 'foreign-0': '/a' },
  })
  await begin()
  expect(assigned()).toEqual([[idOf('moved'), B], [idOf('fresh'), B], [idOf('foreign'), A]])
  expect(placed).toEqual([])
})

test('a change of metadata is looked after only where it names no directory of this broker', async () => {
  const { follow, assigned, lookUps } = start({ metadata: { right: A, moved: A, fresh: DIRECTORY_UNASSIGNED }, files: { 'moved-0': '/b', 'fresh-0': '/b' } })
  await follow()
  expect([assigned(), lookUps()]).toEqual([[[idOf('fresh'), B]], 1])
  const known = start({ metadata: { right: A }, files: {} })
  await known.follow()
  expect([known.assigned(), known.lookUps()]).toEqual([[], 0])
})

test('with one directory nothing is looked up, and one that is new to the metadata is told', async () => {
  const { begin, assigned, lookUps } = start({ paths: ['/a'], metadata: { right: A, foreign: OLD }, files: {} })
  await begin()
  expect([assigned(), lookUps()]).toEqual([[[idOf('foreign'), A]], 0])
})

test.each([
  { case: 'where it was asked to be', preferred: { 't-0': '/a' }, files: { 't-0': '/b' }, placed: ['t-0 /a'] },
  { case: 'where it is, asked to be there', preferred: { 't-0': '/b' }, files: { 't-0': '/b' }, placed: [] },
  { case: 'out of a cordoned directory', cordoned: '/b', files: { 't-0': '/b' }, placed: ['t-0 /a'] },
  { case: 'nowhere, all are cordoned', cordoned: '*', files: { 't-0': '/b' }, placed: [] },
  { case: 'nowhere, the other directory has failed', cordoned: '/b', lost: '/a', files: { 't-0': '/b' }, placed: [] },
])('a new replica goes $case', async ({ files, placed: expected, preferred, cordoned, lost }) => {
  const { follow, placed } = start({ metadata: { t: DIRECTORY_UNASSIGNED }, files: files as unknown as Record<string, string>, ...(preferred && { preferred }), ...(cordoned && { cordoned }), ...(lost && { lost }) })
  await follow()
  expect(placed).toEqual(expected)
})

test('what was here before its directory was cordoned stays, and a replica that cannot move is told of', async () => {
  const kept = start({ metadata: { t: B }, files: { 't-0': '/b' }, cordoned: '/b' })
  await kept.begin()
  expect(kept.placed).toEqual([])
  const stuck = start({ metadata: { t: DIRECTORY_UNASSIGNED }, files: { 't-0': '/b' }, cordoned: '/b', refuses: true })
  await stuck.follow()
  expect(stuck.lines).toEqual([expect.stringMatching(/WARN .*topic=t partition=0 logDir=\/b wanted=\/a/)])
})
