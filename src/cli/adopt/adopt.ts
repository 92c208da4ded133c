import { loadBrokerConfig } from '../../config/broker-config.ts'
import { UsageError, defineCommand } from '../command.ts'
import { collect, parseInteger } from '../options.ts'
import { configInputs, runBroker } from '../serve/serve.ts'

export const adopt = defineCommand({
  name: 'adopt',
  summary: "Serve a data directory that Apache Kafka wrote, with the topics named. The directory is the broker's from then on.",
  examples: ['adopt --data /var/lib/kafka --topic orders --topic payments', 'adopt --data ./kafka-logs --topic orders --node-id 1 --port 19092'],
  configure: command => command
    .requiredOption('--data <dir>', "Kafka's log directory; the broker that wrote it must be stopped")
    .option('--topic <name>', 'a topic to serve; may be given several times', collect)
    .option('--node-id <id>', 'node.id of the broker that wrote the directory', '1')
    .option('--port <port>', 'port for clients on 127.0.0.1')
    .option('--admin-port <port>', 'port of the HTTP admin API on 127.0.0.1, or "none"')
    .option('--set <key=value>', "any of Kafka's broker settings; may be given several times", collect),
  parse(raw) {
    if (raw.topic === undefined || raw.topic.length === 0) throw new UsageError('name at least one topic with --topic')
    const nodeId = parseInteger('--node-id', raw.nodeId, 0)
    const inputs = configInputs({ ...raw, file: undefined })
    return { config: loadBrokerConfig([{ origin: '--node-id', values: new Map([['node.id', String(nodeId)]]) }, ...inputs]), topics: raw.topic }
  },
  call: async ({ config, topics }, { terminal }) => await runBroker(config, topics, terminal),
  print: () => {},
})
