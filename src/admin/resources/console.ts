import { CONSOLE_PAGE } from '../../console/page.ts'
import { route } from '../http/route.ts'

export const consoleRoute = route({
  method: 'GET',
  path: '/',
  operationId: 'console',
  summary: 'A page to look at the broker in a browser.',
  response: 'text/html; charset=utf-8',
  answer: async () => CONSOLE_PAGE,
})
