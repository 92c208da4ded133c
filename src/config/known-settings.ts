// Kafka's settings that this broker has nothing to do with. `any`: they size or time inner machinery that is not here, or
// belong to listeners that would be refused, so every valid value means what happens anyway. `dynamic`: the same, and Kafka
// lets it be changed while a broker runs. `fixed`: another value than the default would promise something, so it stops the
// start. Loaded only when a configuration names one of them or a broker's configs are described or changed.

import { atLeast, between } from './config-key.ts'
import type { ConfigKey, ConfigType } from './config-key.ts'

export type KnownSetting = ConfigKey & { readonly fixed: boolean; readonly dynamic: boolean }

let settings: ReadonlyMap<string, KnownSetting> | undefined

export function knownSettings(): ReadonlyMap<string, KnownSetting> {
  settings ??= new Map(TABLE.trim().split('\n').map(parseRow))
  return settings
}

function parseRow(row: string): [string, KnownSetting] {
  const [name, type, defaultValue, range, acceptance] = row.split(' ') as [string, ConfigType, string, string, string]
  const [least, most] = range.split('..')
  const fixed = acceptance === 'fixed'
  return [
    name,
    {
      type,
      default: defaultValue === '-' ? null : defaultValue === '""' ? '' : defaultValue,
      check: range === '-' ? undefined : most ? between(Number(least), Number(most)) : atLeast(Number(least)),
      documentation: fixed ? 'A setting of Apache Kafka; this broker behaves as its default says.' : 'A setting of Apache Kafka without effect on this broker.',
      fixed,
      dynamic: acceptance === 'dynamic',
    },
  ]
}

/** Name, type, default (- for null), range (- for any), acceptance. */
const TABLE = `
add.partitions.to.txn.retry.backoff.max.ms INT 100 0.. any
add.partitions.to.txn.retry.backoff.ms INT 20 1.. any
alter.config.policy.class.name CLASS - - fixed
alter.log.dirs.replication.quota.window.num INT 11 1.. any
alter.log.dirs.replication.quota.window.size.seconds INT 1 1.. any
authorizer.class.name STRING "" - fixed
background.threads INT 10 1.. dynamic
client.quota.callback.class CLASS - - fixed
config.providers LIST "" - fixed
connection.failed.authentication.delay.ms INT 100 0.. any
connections.max.reauth.ms LONG 0 - fixed
controller.performance.always.log.threshold.ms LONG 2000 0.. any
controller.performance.sample.period.ms LONG 60000 100.. any
controller.quorum.append.linger.ms INT 25 0.. any
controller.quorum.election.backoff.max.ms INT 1000 0.. any
controller.quorum.fetch.max.bytes INT 1048576 1.. any
controller.quorum.fetch.snapshot.max.bytes INT 1048576 1.. any
controller.quorum.request.timeout.ms INT 2000 0.. any
controller.quorum.retry.backoff.ms INT 20 0.. any
controller.quota.window.num INT 11 1.. any
controller.quota.window.size.seconds INT 1 1.. any
controller.socket.timeout.ms INT 30000 - any
create.topic.policy.class.name CLASS - - fixed
delegation.token.expiry.check.interval.ms LONG 3600000 1.. any
delegation.token.expiry.time.ms LONG 86400000 1.. any
delegation.token.max.lifetime.ms LONG 604800000 1.. any
delegation.token.secret.key PASSWORD - - fixed
delete.records.purgatory.purge.interval.requests INT 1 - any
early.start.listeners LIST - - fixed
fetch.purgatory.purge.interval.requests INT 1000 - any
follower.fetch.last.tiered.offset.enable BOOLEAN false - dynamic
group.consumer.regex.refresh.interval.ms INT 600000 10000.. any
group.coordinator.append.linger.ms INT -1 -1.. any
group.coordinator.background.threads INT 2 1.. any
group.coordinator.cached.buffer.max.bytes INT 1048588 524288.. dynamic
group.coordinator.rebalance.protocols LIST classic,consumer,streams - fixed
group.coordinator.threads INT 4 1.. any
group.share.assignors LIST simple - any
group.share.persister.class.name STRING org.apache.kafka.server.share.persister.DefaultStatePersister - any
initial.broker.registration.timeout.ms INT 60000 - any
internal.metadata.delete.delay.millis LONG 60000 - any
internal.metadata.log.segment.bytes INT - - any
internal.metadata.max.batch.size.in.bytes INT 8388608 - any
kafka.metrics.polling.interval.secs INT 10 1.. any
kafka.metrics.reporters LIST "" - fixed
log.cleaner.io.buffer.load.factor DOUBLE 0.9 - dynamic
log.cleaner.io.buffer.size INT 524288 0.. dynamic
log.cleaner.threads INT 1 0.. dynamic
log.dir.failure.timeout.ms LONG 30000 1.. any
log.flush.start.offset.checkpoint.interval.ms INT 60000 0.. any
log.initial.task.delay.ms LONG 30000 0.. any
max.connection.creation.rate INT 2147483647 0.. fixed
max.connections.per.ip.overrides STRING "" - fixed
metadata.log.dir STRING - - fixed
metadata.log.segment.bytes INT 1073741824 8388608.. any
metadata.log.segment.ms LONG 604800000 - any
metadata.max.idle.interval.ms INT 500 0.. any
metadata.max.retention.bytes LONG 104857600 - any
metadata.max.retention.ms LONG 604800000 - any
metric.reporters LIST org.apache.kafka.common.metrics.JmxReporter - fixed
metrics.num.samples INT 2 1.. any
metrics.recording.level STRING INFO - any
metrics.sample.window.ms LONG 30000 1.. any
num.io.threads INT 8 1.. dynamic
num.replica.alter.log.dirs.threads INT - - any
offsets.commit.timeout.ms INT 5000 1.. any
offsets.load.buffer.size INT 5242880 1.. any
offsets.topic.compression.codec INT 0 - fixed
principal.builder.class CLASS org.apache.kafka.common.security.authenticator.DefaultKafkaPrincipalBuilder - fixed
producer.id.expiration.check.interval.ms INT 600000 1.. any
producer.purgatory.purge.interval.requests INT 1000 - any
queued.max.request.bytes LONG -1 - fixed
queued.max.requests INT 500 1.. any
quota.window.num INT 11 1.. any
quota.window.size.seconds INT 1 1.. any
remote.fetch.max.wait.ms INT 500 1.. dynamic
remote.list.offsets.request.timeout.ms LONG 30000 1.. dynamic
remote.log.index.file.cache.total.size.bytes LONG 1073741824 1.. dynamic
remote.log.index.file.cache.ttl.ms LONG 900000 -1.. any
remote.log.manager.copier.thread.pool.size INT 10 1.. dynamic
remote.log.manager.copy.max.bytes.per.second LONG 9223372036854775807 1.. dynamic
remote.log.manager.copy.quota.window.num INT 11 1.. any
remote.log.manager.copy.quota.window.size.seconds INT 1 1.. any
remote.log.manager.expiration.thread.pool.size INT 10 1.. dynamic
remote.log.manager.fetch.max.bytes.per.second LONG 9223372036854775807 1.. dynamic
remote.log.manager.fetch.quota.window.num INT 11 1.. any
remote.log.manager.fetch.quota.window.size.seconds INT 1 1.. any
remote.log.manager.follower.thread.pool.size INT 2 1.. dynamic
remote.log.manager.task.interval.ms LONG 30000 1.. any
remote.log.manager.task.retry.backoff.max.ms LONG 30000 1.. any
remote.log.manager.task.retry.backoff.ms LONG 500 1.. any
remote.log.manager.task.retry.jitter DOUBLE 0.2 0..0.5 any
remote.log.manager.thread.pool.size INT 2 1.. any
remote.log.metadata.custom.metadata.max.bytes INT 128 0.. any
remote.log.metadata.manager.class.name STRING org.apache.kafka.server.log.remote.metadata.storage.TopicBasedRemoteLogMetadataManager - any
remote.log.metadata.manager.class.path STRING - - any
remote.log.metadata.manager.impl.prefix STRING rlmm.config. - any
remote.log.metadata.manager.listener.name STRING - - any
remote.log.reader.max.pending.tasks INT 100 1.. any
remote.log.reader.threads INT 10 1.. dynamic
remote.log.storage.manager.class.name STRING - - any
remote.log.storage.manager.class.path STRING - - any
remote.log.storage.manager.impl.prefix STRING rsm.config. - any
remote.log.storage.system.enable BOOLEAN false - fixed
replica.socket.receive.buffer.bytes INT 65536 - any
replication.quota.window.num INT 11 1.. any
replication.quota.window.size.seconds INT 1 1.. any
request.timeout.ms INT 30000 - any
sasl.client.callback.handler.class CLASS - - fixed
sasl.enabled.mechanisms LIST GSSAPI - any
sasl.jaas.config PASSWORD - - fixed
sasl.kerberos.kinit.cmd STRING /usr/bin/kinit - any
sasl.kerberos.min.time.before.relogin LONG 60000 - any
sasl.kerberos.principal.to.local.rules LIST DEFAULT - any
sasl.kerberos.service.name STRING - - any
sasl.kerberos.ticket.renew.jitter DOUBLE 0.05 - any
sasl.kerberos.ticket.renew.window.factor DOUBLE 0.8 - any
sasl.login.callback.handler.class CLASS - - any
sasl.login.class CLASS - - any
sasl.login.connect.timeout.ms INT - - any
sasl.login.read.timeout.ms INT - - any
sasl.login.refresh.buffer.seconds SHORT 300 - any
sasl.login.refresh.min.period.seconds SHORT 60 - any
sasl.login.refresh.window.factor DOUBLE 0.8 - any
sasl.login.refresh.window.jitter DOUBLE 0.05 - any
sasl.login.retry.backoff.max.ms LONG 10000 - any
sasl.login.retry.backoff.ms LONG 100 - any
sasl.mechanism.controller.protocol STRING GSSAPI - any
sasl.mechanism.inter.broker.protocol STRING GSSAPI - any
sasl.oauthbearer.assertion.algorithm STRING RS256 - any
sasl.oauthbearer.assertion.claim.aud STRING - - any
sasl.oauthbearer.assertion.claim.exp.seconds INT 300 0..86400 any
sasl.oauthbearer.assertion.claim.iss STRING - - any
sasl.oauthbearer.assertion.claim.jti.include BOOLEAN false - any
sasl.oauthbearer.assertion.claim.nbf.seconds INT 60 0..3600 any
sasl.oauthbearer.assertion.claim.sub STRING - - any
sasl.oauthbearer.assertion.file STRING - - any
sasl.oauthbearer.assertion.private.key.file STRING - - any
sasl.oauthbearer.assertion.private.key.passphrase PASSWORD - - any
sasl.oauthbearer.assertion.template.file STRING - - any
sasl.oauthbearer.client.credentials.client.id STRING - - any
sasl.oauthbearer.client.credentials.client.secret PASSWORD - - any
sasl.oauthbearer.clock.skew.seconds INT 30 - any
sasl.oauthbearer.expected.audience LIST "" - any
sasl.oauthbearer.expected.issuer STRING - - any
sasl.oauthbearer.jwks.endpoint.refresh.ms LONG 3600000 - any
sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms LONG 10000 - any
sasl.oauthbearer.jwks.endpoint.retry.backoff.ms LONG 100 - any
sasl.oauthbearer.jwks.endpoint.url STRING - - any
sasl.oauthbearer.jwt.retriever.class CLASS org.apache.kafka.common.security.oauthbearer.DefaultJwtRetriever - any
sasl.oauthbearer.jwt.validator.class CLASS org.apache.kafka.common.security.oauthbearer.DefaultJwtValidator - any
sasl.oauthbearer.scope STRING - - any
sasl.oauthbearer.scope.claim.name STRING scope - any
sasl.oauthbearer.sub.claim.name STRING sub - any
sasl.oauthbearer.token.endpoint.url STRING - - any
sasl.server.callback.handler.class CLASS - - fixed
sasl.server.max.receive.size INT 524288 - any
security.providers STRING - - fixed
server.max.startup.time.ms LONG 9223372036854775807 0.. any
share.coordinator.append.linger.ms INT -1 -1.. any
share.coordinator.cached.buffer.max.bytes INT 1048588 524288.. dynamic
share.coordinator.cold.partition.snapshot.interval.ms INT 300000 1.. any
share.coordinator.load.buffer.size INT 5242880 1.. any
share.coordinator.state.topic.compression.codec INT 0 - any
share.coordinator.threads INT 1 1.. any
share.fetch.purgatory.purge.interval.requests INT 1000 - any
socket.connection.setup.timeout.max.ms LONG 30000 - any
socket.connection.setup.timeout.ms LONG 10000 - any
socket.listen.backlog.size INT 50 1.. any
socket.receive.buffer.bytes INT 102400 - any
socket.send.buffer.bytes INT 102400 - any
ssl.allow.dn.changes BOOLEAN false - any
ssl.allow.san.changes BOOLEAN false - any
ssl.cipher.suites LIST "" - any
ssl.client.auth STRING none - any
ssl.enabled.protocols LIST TLSv1.2,TLSv1.3 - any
ssl.endpoint.identification.algorithm STRING https - any
ssl.engine.factory.class CLASS - - any
ssl.key.password PASSWORD - - any
ssl.keymanager.algorithm STRING SunX509 - any
ssl.keystore.certificate.chain PASSWORD - - any
ssl.keystore.key PASSWORD - - any
ssl.keystore.location STRING - - any
ssl.keystore.password PASSWORD - - any
ssl.keystore.type STRING JKS - any
ssl.principal.mapping.rules STRING DEFAULT - any
ssl.protocol STRING TLSv1.3 - any
ssl.provider STRING - - any
ssl.secure.random.implementation STRING - - any
ssl.trustmanager.algorithm STRING PKIX - any
ssl.truststore.certificates PASSWORD - - any
ssl.truststore.location STRING - - any
ssl.truststore.password PASSWORD - - any
ssl.truststore.type STRING JKS - any
telemetry.max.bytes INT 1048576 1.. any
transaction.partition.verification.enable BOOLEAN true - fixed
transaction.state.log.load.buffer.size INT 5242880 1.. any
transaction.two.phase.commit.enable BOOLEAN false - fixed
unstable.api.versions.enable BOOLEAN false - fixed
unstable.feature.versions.enable BOOLEAN false - fixed
`
