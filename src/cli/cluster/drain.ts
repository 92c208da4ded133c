// A broker is emptied, or filled again. A Millrace cluster does it by itself once it is told, and this only watches; where
// the cluster knows of no draining, as Apache Kafka does not, the replicas are moved from here.

import { readBalancerState, remoteCluster } from '../../admin/operations/balance.ts'
import { describeCluster } from '../../admin/operations/cluster.ts'
import { drainingBrokers, setDraining } from '../../admin/operations/draining.ts'
import { describeTopics } from '../../admin/operations/topics.ts'
import type { BrokerCaller } from '../../broker/api.ts'
import { planDrain } from '../../metadata/balancer/plan.ts'
import { PlanExecution } from '../../metadata/balancer/plan-execution.ts'
import { KafkaError } from '../../protocol/error-codes.ts'
import { MillraceError } from '../../shared/errors.ts'
import { defineCommand } from '../command.ts'
import { bootstrapServer, json, parseAddresses, parseInteger } from '../options.ts'
import { Progress } from '../progress.ts'
import type { Terminal } from '../terminal.ts'
import { printJson, printLine } from '../terminal.ts'

const BROKER_ID_MAX = 2_147_483_647
const CHECK_INTERVAL_MS = 500

type DrainResult = { brokerId: number; draining: boolean; replicasLeft: number }

export const drainCommand = defineCommand({
  name: 'drain',
  summary: 'Have a broker hold nothing: its replicas move to others, so that it can be taken away.',
  examples: ['cluster drain --broker-id 3', 'cluster drain --broker-id 3 --wait', 'cluster drain --broker-id 3 --wait --throttle 20000000'],
  configure: command => command
    .requiredOption('--broker-id <id>', 'the broker (node.id)')
    .option('--wait', 'wait until the broker holds nothing', false)
    .option('--throttle <bytes/s>', 'most bytes per second and broker, where the replicas are moved from here (Apache Kafka)', '52428800')
    .addOption(bootstrapServer())
    .addOption(json()),
  parse: raw => ({
    brokerId: parseInteger('--broker-id', raw.brokerId, 0, BROKER_ID_MAX),
    wait: raw.wait,
    bytesPerSecond: parseInteger('--throttle', raw.throttle, 1),
    bootstrapServers: parseAddresses(raw.bootstrapServer),
    json: raw.json,
  }),
  async call({ brokerId, wait, bytesPerSecond, bootstrapServers }, context): Promise<DrainResult> {
    const client = await context.connect(bootstrapServers)
    const ids = await brokerIds(client)
    if (!ids.includes(brokerId)) throw new KafkaError('BROKER_ID_NOT_REGISTERED', `broker ${brokerId} is not part of the cluster`)
    const { moves, blocked } = planDrain(await readBalancerState(client, [brokerId]))
    const [first] = blocked
    if (first !== undefined) throw new MillraceError('DRAIN_BLOCKED', `${blocked.length} replicas cannot leave broker ${brokerId}, such as ${first.topic}-${first.partition}: ${first.reason}`)
    const { known } = await drainingBrokers(client, ids)
    if (known) await setDraining(client, brokerId, true)
    else {
      const execution = new PlanExecution(remoteCluster(client), moves, { partitionsMax: 10, bytesMax: Infinity, bytesPerSecond, onRefusal: ({ topic, partition, message }) => void context.terminal.stderr.write(`${topic}-${partition}: ${message}\n`) })
      await watch(client, brokerId, context.terminal, () => execution.step())
    }
    if (known && wait) await watch(client, brokerId, context.terminal, async () => (await replicasOf(client, brokerId)) > 0)
    return { brokerId, draining: known, replicasLeft: await replicasOf(client, brokerId) }
  },
  print({ brokerId, draining, replicasLeft }, options, terminal) {
    if (options.json) return printJson(terminal, { brokerId, draining, replicasLeft })
    if (replicasLeft === 0) printLine(terminal, `Broker ${brokerId} holds nothing.`)
    else printLine(terminal, `Broker ${brokerId} drains: ${replicasLeft} replicas are left. Follow it with: millrace cluster status`)
  },
})

export const undrainCommand = defineCommand({
  name: 'undrain',
  summary: 'Let a broker hold replicas again.',
  examples: ['cluster undrain --broker-id 3'],
  configure: command => command.requiredOption('--broker-id <id>', 'the broker (node.id)').addOption(bootstrapServer()),
  parse: raw => ({ brokerId: parseInteger('--broker-id', raw.brokerId, 0, BROKER_ID_MAX), bootstrapServers: parseAddresses(raw.bootstrapServer) }),
  async call({ brokerId, bootstrapServers }, context) {
    const client = await context.connect(bootstrapServers)
    const { known } = await drainingBrokers(client, await brokerIds(client))
    if (!known) throw new MillraceError('DRAINING_UNKNOWN', 'this cluster keeps no record of brokers that drain, so there is nothing to take back: replicas come when partitions are reassigned')
    await setDraining(client, brokerId, false)
  },
  print: (_, { brokerId }, terminal) => printLine(terminal, `Broker ${brokerId} takes replicas again.`),
})

/** Calls `step` until it says that all is done, and shows how many replicas have left. Throws where the user interrupts. */
async function watch(client: BrokerCaller, brokerId: number, terminal: Terminal, step: () => Promise<boolean>): Promise<void> {
  let left = await replicasOf(client, brokerId)
  const progress = new Progress(terminal, `draining broker ${brokerId}`, left)
  try {
    while (await step()) {
      if (terminal.signal.aborted) throw new MillraceError('INTERRUPTED', 'interrupted; what moves goes on moving, and the same command goes on from there')
      const now = await replicasOf(client, brokerId)
      progress.advance(left - now)
      left = now
      await pause(CHECK_INTERVAL_MS, terminal.signal)
    }
  } finally {
    progress.end()
  }
}

async function replicasOf(client: BrokerCaller, brokerId: number): Promise<number> {
  const topics = await describeTopics(client, null)
  return topics.reduce((sum, { partitions }) => sum + partitions.filter(({ replicas }) => replicas.includes(brokerId)).length, 0)
}

async function brokerIds(client: BrokerCaller): Promise<number[]> {
  return (await describeCluster(client)).brokers.map(({ brokerId }) => brokerId)
}

function pause(durationMs: number, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const end = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, durationMs)
    signal.addEventListener('abort', end)
  })
}
