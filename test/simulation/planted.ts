// Faults that a simulation is to find. Each is made of what nodes tell each other, or of a dependency that is passed in:
// the code of the broker has no switch for any of them.

export const PLANTED = [
  'acknowledges before the ISR has it',
  'a follower truncates to its high watermark',
  'a former life of a broker joins the ISR',
  'an old partition epoch is accepted',
  'a new leader serves what it cannot prove',
  'metadata is told before it is committed',
  'a smaller ISR is not waited for',
  'a broker acts on the metadata of its former self',
  'an unclean leader is elected silently',
  'a torn tail is kept',
  'a coordinator answers before its log is loaded',
  'a coordinator loads to the high watermark that it finds',
  'a coordinator acknowledges before the ISR has it',
] as const
export type Planted = (typeof PLANTED)[number]
