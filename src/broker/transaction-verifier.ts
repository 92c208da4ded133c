// Whether partitions belong to a transaction, asked of its coordinator wherever that is (KIP-890): in this process, or with
// AddPartitionsToTxn of another broker, which answers questions of several transactions at once.

import type { InterBroker } from '../interbroker/inter-broker.ts'
import type { Encodable, RequestOf, ResponseOf } from '../protocol/api-keys.ts'
import { errorName } from '../protocol/error-codes.ts'
import type { ErrorName } from '../protocol/error-codes.ts'
import type { PartitionVerifier } from '../transactions/txn-offset-commit-handler.ts'
import { asKafkaError } from './error-responses.ts'
import { NodeBatches, byTopic } from './node-batches.ts'

export type TransactionVerifierDeps = {
  readonly nodeId: number
  /** The transaction coordinator of this broker. */
  readonly local: PartitionVerifier
  readonly interBroker: InterBroker
  /** The broker that coordinates the id, -1 for none. */
  coordinatorOf(transactionalId: string): number
}

type Question = {
  readonly transactionalId: string
  readonly producerId: bigint
  readonly producerEpoch: number
  readonly topic: string
  readonly partition: number
  readonly verifyOnly: boolean
  readonly answer: (error: ErrorName | null) => void
}

const CHANNEL = 'verification'

export class TransactionVerifier implements PartitionVerifier {
  readonly #deps: TransactionVerifierDeps
  readonly #batches: NodeBatches<Question>

  constructor(deps: TransactionVerifierDeps) {
    this.#deps = deps
    this.#batches = new NodeBatches({
      subjectOf: ({ transactionalId }) => transactionalId,
      kindOf: ({ producerId, producerEpoch, verifyOnly }) => `${producerId}/${producerEpoch}/${verifyOnly}`,
      send: (nodeId, questions) => this.#send(nodeId, questions),
    })
  }

  async verifyPartition(transactionalId: string, producerId: bigint, producerEpoch: number, topic: string, partition: number, allowImplicitAdd: boolean): Promise<ErrorName | null> {
    const coordinator = this.#deps.coordinatorOf(transactionalId)
    if (coordinator === this.#deps.nodeId) return this.#deps.local.verifyPartition(transactionalId, producerId, producerEpoch, topic, partition, allowImplicitAdd)
    if (coordinator < 0) return 'COORDINATOR_NOT_AVAILABLE'
    return new Promise((answer) => this.#batches.add(coordinator, { transactionalId, producerId, producerEpoch, topic, partition, verifyOnly: !allowImplicitAdd, answer }))
  }

  async #send(nodeId: number, questions: readonly Question[]): Promise<void> {
    let answerOf: (question: Question) => ErrorName | null
    try {
      const response = await this.#deps.interBroker.send(nodeId, 'AddPartitionsToTxn', { transactions: requested(questions) }, { channel: CHANNEL })
      answerOf = answersOf(response)
    } catch (error) {
      const failure = asKafkaError(error).errorName
      answerOf = () => failure
    }
    for (const question of questions) question.answer(answerOf(question))
  }
}

function requested(questions: readonly Question[]): NonNullable<Encodable<RequestOf<'AddPartitionsToTxn'>>['transactions']> {
  const transactions = new Map<string, Question[]>()
  for (const question of questions) {
    const known = transactions.get(question.transactionalId)
    if (known === undefined) transactions.set(question.transactionalId, [question])
    else known.push(question)
  }
  return [...transactions].map(([transactionalId, asked]) => ({
    transactionalId,
    producerId: asked[0]?.producerId ?? -1n,
    producerEpoch: asked[0]?.producerEpoch ?? -1,
    verifyOnly: asked[0]?.verifyOnly ?? true,
    topics: [...byTopic(asked)].map(([name, partitions]) => ({ name, partitions })),
  }))
}

function answersOf({ errorCode, resultsByTransaction }: ResponseOf<'AddPartitionsToTxn'>): (question: Question) => ErrorName | null {
  if (errorCode !== 0) return () => errorName(errorCode)
  const codes = new Map<string, number>()
  for (const { transactionalId, topicResults } of resultsByTransaction) {
    for (const { name, resultsByPartition } of topicResults) {
      for (const { partitionIndex, partitionErrorCode } of resultsByPartition) codes.set(`${name}-${partitionIndex}\n${transactionalId}`, partitionErrorCode)
    }
  }
  return ({ transactionalId, topic, partition }) => {
    const code = codes.get(`${topic}-${partition}\n${transactionalId}`)
    if (code === undefined) return 'UNKNOWN_SERVER_ERROR'
    return code === 0 ? null : errorName(code)
  }
}
