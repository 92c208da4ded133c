import { expect, test } from 'vitest'
import { FrameReader } from '../../../src/interbroker/frame-reader.ts'

const STREAM = Buffer.from('00000003616263' + '00000000' + '00000002' + '6465', 'hex')

test.each([1, 2, 3, 5, STREAM.length])('finds the frames of a stream that comes %i bytes at a time', (step) => {
  const reader = new FrameReader(16)
  const frames: string[] = []
  for (let at = 0; at < STREAM.length; at += step) frames.push(...reader.push(STREAM.subarray(at, at + step)).map(String))
  expect(frames).toEqual(['abc', '', 'de'])
})

test.each(['00000011', 'ffffffff'])('refuses the size %s before any of its bytes came', (size) => {
  expect(() => new FrameReader(16).push(Buffer.from(size, 'hex'))).toThrow('not a Kafka broker')
})
