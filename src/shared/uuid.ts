/** 128 bits in Kafka's printed form: 22 characters of unpadded URL-safe base64. */
export type Uuid = string & { readonly __brand: 'Uuid' }

export const ZERO_UUID = 'AAAAAAAAAAAAAAAAAAAAAA' as Uuid
