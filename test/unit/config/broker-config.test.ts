import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { loadBrokerConfig } from '../../../src/config/broker-config.ts'

const load = (...inputs: Record<string, string>[]) => loadBrokerConfig(inputs.map((values, index) => ({ origin: `input ${index}`, values: new Map(Object.entries(values)) })))

test('defaults are a broker on the loopback address', () => {
  const config = load()
  expect(config.nodeId).toBe(1)
  expect(config.logDirs).toEqual([resolve('data')])
  expect(config.listeners.bind).toEqual([{ name: 'PLAINTEXT', host: '127.0.0.1', port: 9092 }])
  expect(config.settings['log.retention.hours']).toBe(168)
  expect(config.settings['log.retention.ms']).toBeNull()
  expect(Object.isFrozen(config) && Object.isFrozen(config.settings)).toBe(true)
})

test('later inputs win over earlier ones', () => {
  expect(load({ 'num.partitions': '2', 'num.io.threads': '4' }, { 'num.partitions': '3' }).settings['num.partitions']).toBe(3)
})

test("Kafka's own server.properties is taken", () => {
  const config = load({
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.bootstrap.servers': 'localhost:9093',
    listeners: 'PLAINTEXT://:9092,CONTROLLER://:9093',
    'inter.broker.listener.name': 'PLAINTEXT',
    'advertised.listeners': 'PLAINTEXT://localhost:9092,CONTROLLER://localhost:9093',
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL',
    'num.network.threads': '3',
    'num.io.threads': '8',
    'socket.send.buffer.bytes': '102400',
    'socket.receive.buffer.bytes': '102400',
    'socket.request.max.bytes': '104857600',
    'log.dirs': '/tmp/kraft-combined-logs',
    'num.partitions': '1',
    'num.recovery.threads.per.data.dir': '2',
    'offsets.topic.replication.factor': '1',
    'share.coordinator.state.topic.replication.factor': '1',
    'share.coordinator.state.topic.min.isr': '1',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'log.retention.hours': '168',
    'log.segment.bytes': '1073741824',
    'log.retention.check.interval.ms': '300000',
  })
  expect(config.listeners.bind).toEqual([{ name: 'PLAINTEXT', host: '', port: 9092 }])
  expect(config.listeners.controller?.bind).toEqual({ name: 'CONTROLLER', host: '', port: 9093 })
  expect(config.quorum).toMatchObject({ voters: [], otherServers: [] })
  expect([...config.listeners.advertised]).toEqual([['PLAINTEXT', { name: 'PLAINTEXT', host: 'localhost', port: 9092 }]])
  expect(config.withoutEffect).toEqual(['num.io.threads', 'socket.send.buffer.bytes', 'socket.receive.buffer.bytes'])
})

test('the voters of a quorum and the addresses of its nodes are told apart from this node', () => {
  const listeners = 'PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093'
  const voters = load({ 'node.id': '2', listeners, 'controller.quorum.voters': '1@one:9093,2@127.0.0.1:9093' }).quorum
  expect(voters.voters).toEqual([{ nodeId: 1, host: 'one', port: 9093 }, { nodeId: 2, host: '127.0.0.1', port: 9093 }])
  expect(voters.otherServers).toEqual([{ host: 'one', port: 9093 }])
  const found = load({ listeners, 'controller.quorum.bootstrap.servers': 'localhost:9093,localhost:9193,[::1]:9293' }).quorum
  expect(found).toMatchObject({ voters: [], otherServers: [{ host: 'localhost', port: 9193 }, { host: '::1', port: 9293 }], electionTimeoutMinMs: 1000, electionTimeoutMaxMs: 2000 })
})

test.each([
  [{ 'num.partition': '1' }, 'input 0: unknown setting num.partition; did you mean num.partitions?'],
  [{ frobnicate: '1' }, 'input 0: unknown setting frobnicate'],
  [{ 'num.partitions': '0' }, 'input 0: Invalid value 0 for configuration num.partitions: Value must be at least 1'],
  [{ 'num.partitions': 'x' }, 'input 0: Invalid value x for configuration num.partitions: Not a number of type INT'],
  [{ 'num.io.threads': '0' }, 'input 0: Invalid value 0 for configuration num.io.threads: Value must be at least 1'],
  [{ 'authorizer.class.name': 'a.B' }, 'input 0: authorizer.class.name=a.B is not supported; this broker behaves as authorizer.class.name='],
  [{ 'sasl.jaas.config': 'secret' }, 'input 0: sasl.jaas.config=(hidden) is not supported; leave it out'],
  [{ 'remote.log.storage.system.enable': 'true' }, 'input 0: remote.log.storage.system.enable=true is not supported; this broker behaves as remote.log.storage.system.enable=false'],
  [{ listeners: 'SSL://:9092' }, 'input 0: listeners: SSL asks for SSL, and this broker speaks PLAINTEXT only'],
  [{ listeners: 'OTHER://:9092' }, 'input 0: listeners: no security protocol is defined for listener OTHER in listener.security.protocol.map'],
  [{ listeners: 'PLAINTEXT:9092' }, 'input 0: listeners: "PLAINTEXT:9092" is not of the form NAME://host:port'],
  [{ listeners: 'PLAINTEXT://a:1,PLAINTEXT://b:2' }, 'input 0: listeners: each listener must have a different name, and PLAINTEXT comes twice'],
  [{ listeners: '' }, 'input 0: listeners names no address for clients'],
  [{ 'advertised.listeners': 'PLAINTEXT://0.0.0.0:1' }, 'configuration: advertised.listeners: PLAINTEXT needs an address that clients can reach, not 0.0.0.0'],
  [{ 'broker.draining': 'true' }, 'input 0: broker.draining=true is set while the broker runs, so that it lasts and all brokers know: millrace cluster drain'],
  [{ 'process.roles': 'broker' }, 'input 0: process.roles=broker is not supported; a node is both broker and controller'],
  [{ 'node.id': '2', 'broker.id': '3' }, 'input 0: broker.id=3 and node.id=2 name the same thing and differ'],
  [{ 'controller.quorum.voters': '1@a:1,2@b:1' }, 'input 0: controller.quorum.voters names other nodes, and listeners has none of controller.listener.names (CONTROLLER) to reach this one at'],
  [{ 'controller.quorum.voters': '2@a:1,3@b:1' }, 'input 0: controller.quorum.voters does not name this node (1); a node that is added later names the others in controller.quorum.bootstrap.servers'],
  [{ 'controller.quorum.voters': '1@a:1,1@b:1' }, 'input 0: controller.quorum.voters names node 1 twice'],
  [{ 'controller.quorum.voters': 'a:1' }, 'input 0: controller.quorum.voters: "a:1" is not of the form id@host:port'],
  [{ 'controller.quorum.voters': '1@a' }, 'input 0: controller.quorum.voters: "a" is not of the form host:port'],
  [{ 'log.dirs': '/a,/a' }, 'input 0: log.dirs names /a twice'],
])('%j is refused', (values, message) => {
  expect(() => load(values as Record<string, string>)).toThrow(expect.objectContaining({ message }))
})
