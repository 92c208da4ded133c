// What a client may do with a resource, as the bit field of KIP-430. Without an authorizer everyone may do everything.

/** Operations a response says nothing about. */
export const OPERATIONS_NOT_ASKED = -2_147_483_648

const OPERATION_BITS = { READ: 3, WRITE: 4, CREATE: 5, DELETE: 6, ALTER: 7, DESCRIBE: 8, CLUSTER_ACTION: 9, DESCRIBE_CONFIGS: 10, ALTER_CONFIGS: 11, IDEMPOTENT_WRITE: 12 } as const

function bits(...operations: (keyof typeof OPERATION_BITS)[]): number {
  return operations.reduce((field, operation) => field | (1 << OPERATION_BITS[operation]), 0)
}

export const TOPIC_OPERATIONS = bits('READ', 'WRITE', 'CREATE', 'DELETE', 'ALTER', 'DESCRIBE', 'DESCRIBE_CONFIGS', 'ALTER_CONFIGS')
export const CLUSTER_OPERATIONS = bits('CREATE', 'ALTER', 'DESCRIBE', 'CLUSTER_ACTION', 'DESCRIBE_CONFIGS', 'ALTER_CONFIGS', 'IDEMPOTENT_WRITE')
