// The conversations, each held with a broker that was just started for the first time.

import { absenceQuestions, clusterQuestions } from './cluster-questions.ts'
import { configQuestions } from './config-questions.ts'
import type { Question } from './question.ts'
import { creationQuestions, topicQuestions } from './topic-questions.ts'

export const CONVERSATIONS: Readonly<Record<string, { readonly questions: () => Question[]; /** Configs at their defaults are only counted. */ readonly brief: boolean }>> = {
  creation: { questions: creationQuestions, brief: true },
  topics: { questions: topicQuestions, brief: true },
  cluster: { questions: clusterQuestions, brief: true },
  absences: { questions: absenceQuestions, brief: false },
  configs: { questions: configQuestions, brief: false },
}

/** What the recorded broker was started with beside its addresses. */
export const GIVEN_SETTINGS = { 'log.retention.hours': '168', 'log.segment.bytes': '1073741824' }
