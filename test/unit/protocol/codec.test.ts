import { describe, expect, test } from 'vitest'
import { apiByKey, apiByName } from '../../../src/protocol/api-keys.ts'
import * as codec from '../../../src/protocol/codec.ts'
import { ERRORS, errorCode, errorName, KafkaError } from '../../../src/protocol/error-codes.ts'
import { MalformedMessage } from '../../../src/protocol/malformed-message.ts'
import type { Uuid } from '../../../src/shared/uuid.ts'

const hex = (text: string): Uint8Array => Buffer.from(text.replaceAll(/\s/g, ''), 'hex')
const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

describe('request headers', () => {
  test('classic and flexible ones', () => {
    const classic = codec.encodeRequest('Heartbeat', 0, 9, 'me', { groupId: 'g' })
    expect(codec.decodeRequestHeader(classic)).toEqual({ apiKey: 12, apiVersion: 0, correlationId: 9, clientId: 'me', bodyOffset: 12 })
    const flexible = codec.encodeRequest('Heartbeat', 4, 9, null, { groupId: 'g' })
    expect(codec.decodeRequestHeader(flexible)).toEqual({ apiKey: 12, apiVersion: 4, correlationId: 9, clientId: null, bodyOffset: 11 })
  })

  test('tagged fields nobody knows are skipped', () => {
    const header = codec.decodeRequestHeader(hex('0012 0003 00000001 0002 6d65 02 00 01 ff 07 03 010203 05'))
    expect(header).toEqual({ apiKey: 18, apiVersion: 3, correlationId: 1, clientId: 'me', bodyOffset: 21 })
  })

  test('an unknown API and an unknown version still have a header', () => {
    expect(codec.decodeRequestHeader(hex('03e7 0001 00000001 ffff')).apiKey).toBe(999)
    expect(codec.decodeRequestHeader(hex('0012 0063 00000001 ffff 00')).apiVersion).toBe(99)
  })

  test.each(['', '0012', '0012 0003 00000001', '0012 0003 00000001 0009 6d65', '0012 0003 00000001 ffff 01 00 7f'])('truncated: %s', (text) => {
    expect(() => codec.decodeRequestHeader(hex(text))).toThrow(MalformedMessage)
  })
})

describe('response headers', () => {
  test('carry tagged fields in flexible versions', () => {
    expect(toHex(codec.encodeResponse('Heartbeat', 4, 9, { errorCode: 27 }))).toBe('00000009' + '00' + '00000000' + '001b' + '00')
    expect(toHex(codec.encodeResponse('Heartbeat', 3, 9, { errorCode: 27 }))).toBe('00000009' + '00000000' + '001b')
  })

  test('never do so for ApiVersions', () => {
    const bytes = codec.encodeResponse('ApiVersions', 3, 9, { apiKeys: [{ apiKey: 18, minVersion: 0, maxVersion: 4 }] })
    expect(toHex(bytes)).toBe('00000009' + '0000' + '02' + '0012' + '0000' + '0004' + '00' + '00000000' + '00')
    expect(codec.decodeResponse('ApiVersions', 3, bytes).correlationId).toBe(9)
  })
})

describe('values', () => {
  test('fields of other versions hold their defaults', () => {
    const frame = codec.encodeRequest('OffsetCommit', 2, 1, null, { groupId: 'g', topics: [{ name: 't', partitions: [{ committedOffset: 5n }] }] })
    const request = codec.decodeRequest('OffsetCommit', 2, frame, codec.decodeRequestHeader(frame).bodyOffset)
    expect(request).toEqual({
      groupId: 'g', generationIdOrMemberEpoch: -1, memberId: '', groupInstanceId: null, retentionTimeMs: -1n,
      topics: [{
        name: 't', topicId: 'AAAAAAAAAAAAAAAAAAAAAA',
        partitions: [{ partitionIndex: 0, committedOffset: 5n, committedLeaderEpoch: -1, committedMetadata: '' }],
      }],
    })
  })

  test('do not alias the frame', () => {
    const frame = codec.encodeRequest('SyncGroup', 5, 1, null, { assignments: [{ memberId: 'm', assignment: hex('0102') }] })
    const request = codec.decodeRequest('SyncGroup', 5, frame, codec.decodeRequestHeader(frame).bodyOffset)
    frame.fill(0xff)
    expect(request.assignments[0]?.assignment).toEqual(new Uint8Array([1, 2]))
  })

  test('survive the encoding of others', () => {
    const one = codec.encodeResponse('Heartbeat', 0, 1, { errorCode: 1 })
    for (let round = 0; round < 20_000; round++) codec.encodeResponse('Heartbeat', 0, -1, { errorCode: -1 })
    expect(toHex(one)).toBe('00000001' + '0001')
  })

  test('may be larger than any buffer kept for them', () => {
    const assignment = new Uint8Array(300_000).fill(7)
    const frame = codec.encodeResponse('SyncGroup', 5, 1, { assignment, protocolName: 'é'.repeat(40_000) })
    const { body } = codec.decodeResponse('SyncGroup', 5, frame)
    expect(body.assignment).toEqual(assignment)
    expect(body.protocolName).toBe('é'.repeat(40_000))
  })

  test('an encoder that threw leaves nothing behind', () => {
    expect(() => codec.encodeRequest('Heartbeat', 0, 1, null, { groupId: 'x'.repeat(40_000) })).toThrow(RangeError)
    expect(toHex(codec.encodeResponse('Heartbeat', 0, 1, { errorCode: 1 }))).toBe('00000001' + '0001')
  })

  test('tagged fields: written unless they are the default, sized right when large', () => {
    const value = { name: 'topic', partitions: [], topicId: 'AAAAAAAAAAAAAAAAAAAAAA' as Uuid }
    const plain = codec.encodeResponse('Fetch', 16, 1, { responses: [] })
    expect(toHex(plain)).toBe('00000001' + '00' + '00000000' + '0000' + '00000000' + '01' + '00')
    const endpoints = Array.from({ length: 50 }, (_, nodeId) => ({ nodeId, host: 'host.example', port: 9092, rack: null }))
    const { body } = codec.decodeResponse('Fetch', 16, codec.encodeResponse('Fetch', 16, 1, { nodeEndpoints: endpoints }))
    expect(body.nodeEndpoints).toEqual(endpoints)
    expect(value.partitions).toEqual([])
  })

  test('a nullable struct behind a tag', () => {
    const bytes = codec.encodeRecord('ConsumerGroupMemberMetadataValue', 0, {
      subscribedTopicNames: ['a'], clientId: 'c', clientHost: 'h', serverAssignor: null, rebalanceTimeoutMs: -1, classicMemberMetadata: { sessionTimeoutMs: 5 },
    })
    expect(toHex(bytes)).toBe('0000' + '01' + '01' + '0263' + '0268' + '020261' + '01' + 'ffffffff' + '00' + '01' + '0007' + '01' + '00000005' + '01' + '00')
  })
})

describe('lies about lengths', () => {
  const decode = (body: string): unknown => codec.decodeRequest('Heartbeat', 4, hex(body), 0)

  test.each([
    ['string past the end', '7f 61'],
    ['null where a string is required', '00 00000000 02 61 00 00'],
    ['varint of 33 bits', 'ffffffff1f'],
    ['varint that does not end', 'ffffffffffff'],
    ['tagged field past the end', '02 61 00000000 02 61 00 01 05 7f'],
  ])('%s', (_name, body) => {
    expect(() => decode(body)).toThrow(MalformedMessage)
  })

  test('an array of two thousand million elements takes no memory', () => {
    const frame = codec.encodeRequest('DeleteGroups', 1, 1, null, { groupsNames: ['a'] })
    const { bodyOffset } = codec.decodeRequestHeader(frame)
    new DataView(frame.buffer, frame.byteOffset).setInt32(bodyOffset, 0x7fffffff)
    expect(() => codec.decodeRequest('DeleteGroups', 1, frame, bodyOffset)).toThrow(MalformedMessage)
  })

  test('a message of more elements than allowed is refused though its bytes are there', () => {
    const body = Buffer.alloc(2_100_010)
    body.set([0x81 + 32, 0x96, 0x80, 0x01])
    expect(() => codec.decodeRequest('DeleteGroups', 2, body, 0)).toThrow(MalformedMessage)
  })

  test('a known tagged field must fill its size', () => {
    // ApiVersions v3 response with tag 1 (finalizedFeaturesEpoch, 8 bytes) that claims 9.
    const bytes = hex('00000009 0000 01 00000000 01 01 09 0000000000000001 00')
    expect(() => codec.decodeResponse('ApiVersions', 3, bytes)).toThrow(MalformedMessage)
  })
})

describe('stored records', () => {
  test('a coordinator key starts with its record type', () => {
    const key = codec.encodeRecord('OffsetCommitKey', 1, { group: 'g', topic: 't', partition: 2 })
    expect(toHex(key)).toBe('0001' + '000167' + '000174' + '00000002')
    expect(codec.recordPrefix(key)).toBe(1)
    expect(codec.decodeRecord('OffsetCommitKey', key)).toEqual({ group: 'g', topic: 't', partition: 2 })
    expect(() => codec.encodeRecord('OffsetCommitKey', 2, {})).toThrow(RangeError)
    expect(() => codec.decodeRecord('GroupMetadataKey', key)).toThrow(MalformedMessage)
  })

  test('a value starts with its version', () => {
    const value = codec.encodeRecord('OffsetCommitValue', 3, { offset: 7n, leaderEpoch: 4, metadata: 'm', commitTimestamp: 9n })
    expect(toHex(value)).toBe('0003' + '0000000000000007' + '00000004' + '00016d' + '0000000000000009')
    expect(codec.decodeRecord('OffsetCommitValue', value)).toMatchObject({ offset: 7n, expireTimestamp: -1n })
  })

  test('a metadata record has KRaft\'s frame', () => {
    const topicId = 'AAAAAAAAAAAAAAAAAAAAAQ' as Uuid
    const bytes = codec.encodeMetadataRecord('TopicRecord', 0, { name: 'foo', topicId })
    expect(toHex(bytes)).toBe('01' + '02' + '00' + '04666f6f' + '00000000000000000000000000000001' + '00')
    expect(codec.decodeMetadataRecord(bytes)).toEqual({ name: 'TopicRecord', version: 0, value: { name: 'foo', topicId } })
    expect(() => codec.decodeMetadataRecord(hex('02 02 00'))).toThrow(MalformedMessage)
    expect(() => codec.decodeMetadataRecord(hex('01 7f 00'))).toThrow(MalformedMessage)
    expect(() => codec.encodeMetadataRecord('OffsetCommitKey', 1, {})).toThrow(RangeError)
  })
})

test('API keys and error codes', () => {
  expect(apiByKey(18)?.name).toBe('ApiVersions')
  expect(apiByKey(4)).toBeUndefined()
  expect(apiByKey(-1)).toBeUndefined()
  expect(apiByName('InitProducerId').maxVersion).toBe(5)
  const codes = Object.values(ERRORS).map((entry) => entry.code)
  expect(codes).toEqual(Array.from({ length: 138 }, (_, index) => index - 1))
  expect(errorCode('NOT_COORDINATOR')).toBe(16)
  expect(errorName(16)).toBe('NOT_COORDINATOR')
  expect(errorName(9999)).toBe('UNKNOWN_SERVER_ERROR')
  expect(new KafkaError('NOT_COORDINATOR')).toMatchObject({ code: 'NOT_COORDINATOR', errorCode: 16, retriable: true })
})
