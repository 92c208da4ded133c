export type { Uuid } from './shared/uuid.ts'
