export { Broker } from './broker/embedded.ts'
export type { BrokerOptions } from './broker/embedded.ts'
export { MillraceError } from './shared/errors.ts'
export type { Uuid } from './shared/uuid.ts'
