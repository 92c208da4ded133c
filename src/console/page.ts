// The page at the root of the admin API: one file without dependencies that reads the same API as everybody.

export const CONSOLE_PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Millrace</title>
<style>
  :root { color-scheme: light dark; --line: #8884; --accent: #2a7f62; }
  body { font: 14px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 1080px; padding: 16px 24px; }
  h1 { font-size: 20px; margin: 0 } h2 { font-size: 15px; margin: 28px 0 8px }
  header { display: flex; gap: 16px; align-items: baseline; border-bottom: 1px solid var(--line); padding-bottom: 8px }
  header span { opacity: .7 }
  table { border-collapse: collapse; width: 100% } td, th { text-align: left; padding: 4px 12px 4px 0; border-bottom: 1px solid var(--line); vertical-align: top }
  th { font-weight: 600; opacity: .7 } td.n, th.n { text-align: right; font-variant-numeric: tabular-nums }
  button, input, select { font: inherit } a { color: var(--accent); cursor: pointer }
  svg { width: 100%; height: 120px; border: 1px solid var(--line); border-radius: 4px }
  pre { margin: 0; white-space: pre-wrap; word-break: break-all } .error { color: #b3432b }
  summary { font-size: 15px; font-weight: 600; margin: 20px 0 8px; cursor: pointer } progress { width: 160px; vertical-align: middle; accent-color: var(--accent) }
  .state { padding: 0 6px; border-radius: 8px; background: #8882 } .state.fenced { background: #b3432b33 } .state.draining { background: #b3752b33 } p { margin: 8px 0 }
  form { display: flex; gap: 8px; flex-wrap: wrap; margin-bottom: 8px }
</style>
<header><h1>Millrace</h1><span id="cluster"></span><span id="memory"></span></header>
<h2>Throughput</h2><svg id="plot" viewBox="0 0 600 120" preserveAspectRatio="none"></svg><div id="rates"></div>
<h2>Brokers</h2><table id="brokers"></table><p id="quorum"></p>
<div id="trouble" hidden><h2 class="error">Partitions out of sync</h2><table id="partitions"></table></div>
<div id="moving" hidden><h2>Replicas that move</h2><table id="reassignments"></table></div>
<details id="balance"><summary>What the balancer would do</summary><p id="planned"></p><table id="plan"></table></details>
<h2>Topics</h2><table id="topics"></table>
<h2>Groups</h2><table id="groups"></table>
<h2>Records</h2>
<form id="browse"><input name="topic" placeholder="topic" required><input name="partition" type="number" min="0" value="0" style="width:6em"><input name="offset" type="number" min="0" placeholder="offset" style="width:9em"><button>read</button></form>
<table id="records"></table>
<p class="error" id="error"></p>
<script>
const $ = (id) => document.getElementById(id)
const api = async (path, options) => {
  const response = await fetch(path, options)
  const body = await response.json()
  if (!response.ok) throw new Error(body.detail)
  return body
}
const cell = (value, numeric) => { const td = document.createElement('td'); td.textContent = value; if (numeric) td.className = 'n'; return td }
function fill(table, heads, rows) {
  table.replaceChildren()
  const head = table.insertRow()
  for (const [name, numeric] of heads) { const th = document.createElement('th'); th.textContent = name; if (numeric) th.className = 'n'; head.append(th) }
  for (const row of rows) table.insertRow().append(...row.map((value, i) => value instanceof Node ? value : cell(value, heads[i][1])))
  if (rows.length === 0) table.insertRow().append(cell('none yet'))
}
const bytes = (n) => n >= 1e9 ? (n / 1e9).toFixed(1) + ' GB' : n >= 1e6 ? (n / 1e6).toFixed(1) + ' MB' : n >= 1e3 ? (n / 1e3).toFixed(1) + ' kB' : Math.round(n) + ' B'
const link = (text, action) => { const a = document.createElement('a'); a.textContent = text; a.onclick = action; const td = document.createElement('td'); td.append(a); return td }
const text = (data) => data === null ? '' : typeof data.data === 'string' ? data.data : JSON.stringify(data.data)
function parse(metrics) {
  const values = new Map()
  for (const line of metrics.split('\\n')) { if (line === '' || line[0] === '#') continue; const at = line.lastIndexOf(' '); values.set(line.slice(0, at), Number(line.slice(at + 1))) }
  return values
}
const nodes = (...parts) => { const td = document.createElement('td'); td.append(...parts); return td }
const state = (name) => { const span = document.createElement('span'); span.className = 'state ' + name; span.textContent = name; return span }
const many = (n, one, more) => n.toLocaleString() + ' ' + (n === 1 ? one : more)
function drainButton(broker, only) {
  const button = document.createElement('button')
  button.textContent = broker.draining ? 'let it hold replicas again' : 'drain'
  button.disabled = only && !broker.draining
  button.onclick = guarded(async () => {
    if (!broker.draining && !confirm('Move all replicas of broker ' + broker.brokerId + ' to the others?')) return
    await api('/brokers/' + broker.brokerId + '/draining', { method: 'PUT', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ draining: !broker.draining }) })
    await cluster()
  })
  return nodes(button)
}
function copied(r) {
  if (r.copiedBytes === null || r.sizeBytes === null) return cell('')
  const bar = document.createElement('progress')
  bar.max = Math.max(1, r.sizeBytes); bar.value = r.sizeBytes === 0 ? 1 : r.copiedBytes
  return nodes(bar, ' ' + bytes(r.copiedBytes) + ' of ' + bytes(r.sizeBytes))
}
async function cluster() {
  const c = await api('/cluster/status')
  $('cluster').textContent = 'cluster ' + c.clusterId + ', ' + many(c.brokers.length, 'broker', 'brokers')
  const only = c.brokers.filter((b) => !b.fenced && !b.draining).length < 2
  fill($('brokers'), [['broker', true], ['address'], ['rack'], ['state'], ['leaders', true], ['replicas', true], ['size', true], ['']], c.brokers.map((b) => [
    b.brokerId, b.host + ':' + b.port, b.rack ?? '', nodes(...[b.fenced ? 'fenced' : 'up', ...(b.draining ? ['draining'] : []), ...(b.controller ? ['controller'] : [])].flatMap((name) => [state(name), ' '])),
    b.leaders, b.replicas, b.sizeBytes === null ? '' : bytes(b.sizeBytes), drainButton(b, only)]))
  const role = (r) => r.nodeId + (r.nodeId === c.quorum.leaderId ? ' (leader)' : r.lag > 0 ? ' (' + r.lag.toLocaleString() + ' behind)' : '')
  $('quorum').textContent = 'Metadata quorum: epoch ' + c.quorum.leaderEpoch + ', voters ' + c.quorum.voters.map(role).join(', ') + (c.quorum.observers.length ? '; observers ' + c.quorum.observers.map(role).join(', ') : '')
  const kinds = new Map()
  for (const [kind, list] of [['no leader', c.offline], ['under min ISR', c.underMinIsr], ['under-replicated', c.underReplicated]]) for (const p of list) {
    const key = p.topic + '-' + p.partition
    kinds.set(key, { p, names: [...(kinds.get(key)?.names ?? []), kind] })
  }
  $('trouble').hidden = kinds.size === 0
  fill($('partitions'), [['topic'], ['partition', true], ['trouble'], ['leader', true], ['replicas'], ['in sync']], [...kinds.values()].slice(0, 200).map(({ p, names }) => [p.topic, p.partition, names.join(', '), p.leader < 0 ? 'none' : p.leader, p.replicas.join(', '), p.isr.join(', ')]))
  $('moving').hidden = c.reassignments.length === 0
  fill($('reassignments'), [['topic'], ['partition', true], ['from'], ['to'], ['copied']], c.reassignments.slice(0, 200).map((r) => [r.topic, r.partition, r.removingReplicas.join(', '), r.addingReplicas.join(', '), copied(r)]))
  if ($('balance').open) await planned()
}
async function planned() {
  const { moves, blocked, totalBytes } = await api('/cluster/plan')
  const replicas = moves.filter((m) => m.kind === 'replica').length
  $('planned').textContent = (moves.length === 0 ? 'Brokers hold alike: nothing to move.' : many(replicas, 'replica', 'replicas') + ' to copy (' + bytes(totalBytes) + '), ' + many(moves.length - replicas, 'leadership', 'leaderships') + ' to hand over.') + (blocked.length ? ' ' + many(blocked.length, 'replica cannot', 'replicas cannot') + ' leave: ' + blocked[0].reason + '.' : '')
  fill($('plan'), [['topic'], ['partition', true], ['move'], ['from', true], ['to', true], ['size', true], ['why']], moves.slice(0, 200).map((m) => [m.topic, m.partition, m.kind, m.from < 0 ? 'none' : m.from, m.to, m.kind === 'replica' ? bytes(m.bytes) : '', m.reason.toLowerCase().replace('_', ' ')]))
}
let last, history = []
async function traffic() {
  const values = parse(await (await fetch('/metrics')).text())
  const now = { at: performance.now(), in: values.get('millrace_network_bytes_total{direction="in"}') ?? 0, out: values.get('millrace_network_bytes_total{direction="out"}') ?? 0 }
  if (last) { const s = (now.at - last.at) / 1000; history.push([(now.in - last.in) / s, (now.out - last.out) / s]); history = history.slice(-120) }
  last = now
  const most = Math.max(1, ...history.flat())
  const line = (which, color) => '<polyline fill="none" stroke="' + color + '" stroke-width="1.5" vector-effect="non-scaling-stroke" points="' + history.map((v, i) => (600 - (history.length - 1 - i) * 5) + ',' + (116 - 110 * v[which] / most)).join(' ') + '"/>'
  $('plot').innerHTML = line(0, '#2a7f62') + line(1, '#b3752b')
  const [rateIn, rateOut] = history.at(-1) ?? [0, 0]
  $('rates').textContent = 'in ' + bytes(rateIn) + '/s (green), out ' + bytes(rateOut) + '/s (brown)'
  $('memory').textContent = bytes(values.get('process_resident_memory_bytes') ?? 0) + ' resident, ' + (values.get('millrace_connections') ?? 0) + ' connections'
  return values
}
async function tables(values) {
  const { topics } = await api('/topics')
  fill($('topics'), [['name'], ['partitions', true], ['size', true]], topics.map((t) => [link(t.name, () => read(t.name, 0)), t.partitionCount, bytes(values.get('millrace_log_bytes{topic="' + t.name + '"}') ?? 0)]))
  const { groups } = await api('/groups')
  const lag = (id) => { let sum = 0; for (const [key, value] of values) if (key.startsWith('millrace_group_lag_records{group="' + id + '",')) sum += value; return sum }
  fill($('groups'), [['group'], ['type'], ['state'], ['lag', true]], groups.map((g) => [g.groupId, g.type, g.state, lag(g.groupId).toLocaleString()]))
}
async function read(topic, partition, offset) {
  const form = $('browse')
  form.topic.value = topic; form.partition.value = partition
  const page = await api('/topics/' + encodeURIComponent(topic) + '/partitions/' + partition + '/records?limit=50' + (offset ? '&offset=' + offset : ''))
  fill($('records'), [['offset', true], ['time'], ['key'], ['value']], page.records.map((r) => [r.offset, new Date(r.timestampMs).toISOString(), text(r.key), text(r.value)]))
}
const guarded = (run) => async (...args) => { try { await run(...args); $('error').textContent = '' } catch (error) { $('error').textContent = error.message } }
$('browse').onsubmit = (event) => { event.preventDefault(); const f = event.target; guarded(read)(f.topic.value, f.partition.value, f.offset.value) }
$('balance').ontoggle = guarded(async () => { if ($('balance').open) await planned() })
let turn = 0
const tick = guarded(async () => {
  const values = await traffic()
  if (turn++ % 5 === 0) { await cluster(); await tables(values) }
})
tick(); setInterval(tick, 1000)
</script>
`
