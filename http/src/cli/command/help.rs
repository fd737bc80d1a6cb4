//! What each command says below its flags: what one has to know, and examples.

pub(super) const SERVE: &str = "\
Prints one line of JSON on stdout when it is ready, {\"listening\": \"http://127.0.0.1:3837\"}, and
everything else on stderr. SIGTERM drains it and exits with 0.

Examples:
  serve
  serve --listen 127.0.0.1:0 --data /var/lib/everstep --memory-budget 1GiB
  serve --clock manual        time stands still until POST /test/clock/advance";

pub(super) const START: &str = "\
Examples:
  start greet '\"Ada\"'
  start fulfil_order @order.json --id order-7 --wait 30s
  start chain '{\"steps\": 3}' --json | jq -r .workflow_id";

pub(super) const SIGNAL: &str = "\
The signal is durable when this returns.

Examples:
  signal order-7 approve '{\"by\": \"ada\"}'
  signal order-7 approve --idempotency-key approval-1";

pub(super) const UPDATE: &str = "\
The workflow validates the update, takes it and answers it. One that is not answered within the wait
is kept. Exits with 1 unless it was answered with a result.

Examples:
  update order-7 change_address '{\"city\": \"Berlin\"}'
  update order-7 change_address @address.json --id change-1 --wait 5m
  update order-7 --outcome change-1";

pub(super) const QUERY: &str = "\
Examples:
  query order-7 status
  query order-7 status --json";

pub(super) const PAYLOAD: &str = "\
The inspector and `payloads=reference` show of a large value only its event, its place and its size.

Examples:
  payload order-7 1           the workflow's input
  payload order-7 12 | jq .";

pub(super) const LIST: &str = "\
Examples:
  list --status running
  list --type fulfil_order --started-after 2h --attr city=Berlin
  list --status failed --sort -closed_at
  list --attr-min amount=100 --sort -attr.amount
  list --limit 1000 --json";

pub(super) const COUNT: &str = "\
Examples:
  count --group-by status
  count --status failed --group-by fingerprint
  count --type fulfil_order --attr city=Berlin --json";

pub(super) const SHOW: &str = "\
Events that belong together stand in one row: an activity with all its attempts, a timer with its
end. Payloads are cut to the width of the terminal, and of large ones only the size is fetched; --full
prints them whole, and --json prints everything as the server has it. `payload` prints one of them.

Examples:
  show order-7
  show order-7 --follow
  show order-7 --json | jq .workflow.waiting_for";

pub(super) const EXPORT: &str = "\
Examples:
  export order-7 --output tests/order-7.json
  export order-7 --redact";

pub(super) const PREFLIGHT: &str = "\
Every open run, and a sample of closed ones, is replayed here against this program's code; nothing
is run and nothing changes. Exit code 0 when every open run would go on, 1 when some would not.

Examples:
  preflight --url http://127.0.0.1:3837
  preflight --data ./data --json | jq .broken
  preflight --type fulfil_order --closed 10000 --strict";

pub(super) const CANCEL: &str = "\
The run's code is told, compensates and cleans up, and then ends as `cancelled`.

Example:
  cancel order-7";

pub(super) const TERMINATE: &str = "\
Example:
  terminate order-7 --reason 'duplicate of order-6'";

pub(super) const PAUSE: &str = "\
Attempts that run may finish. Timers and signals are recorded, and acted on when the run is resumed.

Example:
  pause order-7 --reason 'waiting for the warehouse'";

pub(super) const RESUME: &str = "\
Example:
  resume order-7";

pub(super) const SCHEDULE: &str = "\
Each command takes --help with examples of its own, and --json.

Example:
  schedule create nightly report '\"sales\"' --cron '0 3 * * *' --timezone Europe/Berlin";

pub(super) const QUEUE: &str = "\
What is set here stands above what the worker declares, over restarts, until `queue reset`. Each
command takes --json.

Examples:
  queue list
  queue set payments --concurrency 8 --rate 50
  queue pause payments";

pub(super) const COMMAND: &str = "\
A command happens once under its id, however often it is sent. Each of these takes --json.

Examples:
  command send PlaceOrder '{\"order\": \"o-1\"}' --id place-o-1
  command show place-o-1";

pub(super) const EVENTS: &str = "\
A stream is named Type:id, and its version is how many events it has. Each of these takes --json.

Examples:
  events append Order:o-1 OrderPaid '{\"cents\": 500}' --expected-version 1
  events read --stream Order:o-1
  events tail --tag customer:ada
  events state Order:o-1 --version 3";

pub(super) const RESTORE: &str = "\
Every file is compared with the manifest first; a directory that exists is left alone.

Example:
  restore --from /backups/monday --into ./data.new --json";

pub(super) const VERIFY: &str = "\
Exits with 1 where something is missing or is not what was written, and names the first event that
is not what was appended. A backup is copied beside itself for that, for as long as it takes.

Example:
  verify /backups/monday --json";

pub(super) const ACTIVITY: &str = "\
A token is about one attempt: once that has ended it is refused. What is reported is durable when
this returns.

Examples:
  activity complete 0198c5f0-7e1a-7000-8000-000000000000.3.1 '{\"approved\": true}'
  activity fail 0198c5f0-7e1a-7000-8000-000000000000.3.1 no_answer --message 'nobody was there'
  activity heartbeat 0198c5f0-7e1a-7000-8000-000000000000.3.1 '\"half done\"' --json";

pub(super) const RESET: &str = "\
The new run has the workflow's id. It takes over the events up to the one named; signals that came
later are received again, activities that were under way are started anew. An open run of the id is
terminated.

Examples:
  reset order-7 --to 12 --reason 'the price was wrong'
  reset order-7 --to 12 --edit '12={\"price\": 40}' --no-signals
  reset order-7 --to 1 --input @order.json --json";

pub(super) const RETRY: &str = "\
Without an activity the code of a stuck run is tried again.

Examples:
  retry order-7 --activity 3
  retry order-7";

pub(super) const DELETE: &str = "\
Example:
  delete order-7";

pub(super) const BATCH: &str = "\
The filters are those of `list`. A batch runs on the server: it survives a restart, acts on each run
once, and can be paused, resumed and cancelled by its id like any workflow. Runs that are started
after it are not among its targets.

Examples:
  batch terminate --type fulfil_order --started-before 7d --dry-run
  batch terminate --type fulfil_order --started-before 7d --reason 'too old' --wait
  batch signal retry --status running --attr gateway=north
  batch reset --status failed --type fulfil_order --to 1 --reason 'fixed in 1.4'
  batch show 0198c5f0-7e1a-7000-8000-000000000000 --json";

pub(super) const NAMESPACES: &str = "\
Without a retention a namespace keeps its closed runs for ever.

Examples:
  namespaces
  namespaces create staging --retention 7d --description 'for trying things'
  namespaces update staging --retention 1d
  namespaces delete staging --json";

pub(super) const BACKUP: &str = "\
The copy shows one moment and has a manifest with the hash of every file; it gets its name when all
of it is on disk. Encryption keys are in no backup: keep them elsewhere, restoring needs them.

Examples:
  backup --into /backups/monday
  backup --data ./data --into ./backup          of a server that is stopped
  verify /backups/monday
  restore --from /backups/monday --into ./data.new";

pub(super) const PROJECTIONS: &str = "\
View projections are read by everybody, reporting projections by admins, logic and integration
projections by nobody outside. Each of these takes --json.

Examples:
  projections list
  projections rows orderSummaries --field customer=ada --prefix 2026-
  projections row orderSummaries order-7
  projections pause orderSummaries --reason 'a look at row 7'
  projections rebuild start orderSummaries --follow
  projections quarantine list orderSummaries";

pub(super) const SUBSCRIPTIONS: &str = "\
Every event is handed out until it is acknowledged; of one lane (a stream, or a tag) one at a time,
in order. Each of these takes --json.

Examples:
  subscriptions create mailing --type OrderSubmitted --by-tag customer
  subscriptions list
  subscriptions poll mailing --max 5 --wait-ms 10000 --ack
  subscriptions nack mailing 17.1 --reason 'mail server is down'
  subscriptions parked mailing
  subscriptions replay mailing --all";

pub(super) const SAGAS: &str = "\
A saga whose compensation failed for good is stuck until somebody has it tried again, or decides that
it need not be done; both take the role admin. Each takes --json.

Examples:
  sagas list --status compensating --stuck
  sagas show order-7
  sagas start fulfil_order order-7 '{\"orderId\": \"order-7\"}'
  sagas retry order-7
  sagas skip order-7 --reason 'refunded by hand'";

pub(super) const PUBLICATIONS: &str = "\
Deliveries that were given up are dead letters of kind `publication`.

Examples:
  publications list --event 17
  publications list --status failed --target analytics --json
  dead-letters list --kind publication";

pub(super) const PROCESS_MANAGERS: &str = "\
How far one is, and what it could not deal with: `subscriptions show` with its name. An event that it
was handed before sends nothing anew. Each takes --json.

Examples:
  process-managers list
  process-managers redeliver reservationReleaseOnOrderCancel 17";

pub(super) const CIRCUITS: &str = "\
A circuit that is open refuses calls to its service until its time is over; then one call at a time
is let through, to see. Opening and closing by hand takes the role admin. Each takes --json.

Examples:
  circuits list
  circuits open stripe-api
  circuits close stripe-api";

pub(super) const LIMITS: &str = "\
A limit is declared by the worker and counts by key, such as a user; what is used up outlives the
process and comes back with time. Forgiving it takes the role admin. Each takes --json.

Examples:
  limits list
  limits reset SubmitOrder ada";

pub(super) const INTENTS: &str = "\
An intent is begun by one event and ended by another; one whose time is over is abandoned, and told.
Takes --json.

Examples:
  intents list";

pub(super) const DEAD_LETTERS: &str = "\
Work that failed for good waits here until somebody decides; deciding takes the role admin. Each of
these takes --json.

Examples:
  dead-letters list --status pending --kind publication
  dead-letters stats
  dead-letters retry dl-1790000000000-3x1b9QpYtR2a
  dead-letters ignore dl-1790000000000-3x1b9QpYtR2a --reason 'sent by hand'";

pub(super) const TOKEN: &str = "\
A server that is given a token file asks everybody who they are. A role may what those before it may:

  viewer    look at everything
  app       start, signal, update, cancel, send commands, append events
  operator  terminate, pause, reset, retry, batches, schedules, queues
  admin     namespaces, rebuilds, backups

Examples:
  token --name ada --into tokens.json
  token --name shop --role app --only shop --into tokens.json
  serve --tokens tokens.json
  EVERSTEP_TOKEN=es_… everstep list";

pub(super) const CONTEXTS: &str = "\
Examples:
  contexts
  contexts inventory          its contract
  contexts --map";

pub(super) const CONTRACTS: &str = "\
Examples:
  contracts check             exits with 1 when a contract does not hold
  contracts violations --since 7d --json";

pub(super) const SCHEMAS: &str = "\
Each of these takes --json.

Examples:
  schemas list
  schemas show OrderPlaced
  schemas register OrderPlaced 1.1.0 @order-placed.json --compatibility full";

pub(super) const RESERVATIONS: &str = "\
Examples:
  reservations reserve email:alice@example.com --ttl 5m
  reservations confirm 5tVztmJc6dAC3golhb1cZC User:7JInDyCqkBNBCUb7o3zkYo
  reservations show email:alice@example.com --json";

pub(super) const STREAM_ID: &str = "\
Examples:
  stream-id User alice@example.com
  stream-id Seat hall-1 row-2 seat-3";

pub(super) const SUBJECTS: &str = "\
Examples:
  subjects show customer-7
  subjects shred customer-7 --json";

pub(super) const AGENTS: &str = "\
An agent listens to events, looks for patterns, and sends commands: by itself where it is sure, else
when somebody approves.

Examples:
  agents list
  agents approvals --agent churn-risk
  agents approve churn-risk:42 --note 'call them'
  agents reject churn-risk:43 --reason 'spoke to them yesterday'
  agents decisions --action executed --from 2026-01-01T00:00:00Z --json
  agents pause churn-risk --reason 'the model is odd today'
  agents reconfigure '{\"confidenceThreshold\": 0.9}' churn-risk
  agents dead-letters --status pending
  agents replay dl-1767225600000-1f2e3d4c5b6a";

pub(super) const REKEY: &str = "\
For a store that shall be encrypted from now on, and to get rid of a key: a server that is started
with a new first key encrypts with it what is written from then on, and needs the old one for what
was. The copy needs the first key alone. Move it to the old directory's place when this is done.

Examples:
  rekey --data ./data --into ./data.new --encryption-keys keys.txt
  rekey --data ./data --into ./data.plain --encryption-keys keys.txt --plain";

pub(super) const BENCH: &str = "\
Every figure stands beside the disk's own sync rate, measured in the same run, and everything is
durable before it counts. Published figures take --seconds 30 or more on a machine that does nothing
else.

  w1  one step, one workflow after the other
  w2  ten steps one after the other, 1, 64 and 512 workflows in flight
  w3  signal to result, 1 and 64 workflows in flight
  w4  1,000 steps at once
  w5  sleepers: start rate, memory, kill -9 and restart
  w6  schedules: 100,000 of them, 1,000 due at each second; how late they fire
  w7  one run with 100,000 events: its resume and the pages of its history
  w8  1,000,000 closed runs and 10,000 open ones: list, filter, count
  e1  conditional appends to the event log, one client
  e2  the same, 16, 64 and 256 clients
  e3  appends of 100 events, 16 clients
  e4  events read by tag and in full, 1,000,000 stored (--stored)
  e5  appends to a log that holds very many events, and under conditions on hot tags
  e6  from the acknowledgement to 1, 100 and 1,000 subscribers
  r1  a projection rebuilt over 1,000,000 events (--stored) while orders flow

Over HTTP (--url) w6, w7, w8 and r1 are left out.

Examples:
  bench
  bench --workloads w1,w2 --seconds 30 --check
  bench --url http://127.0.0.1:7979      a server with the conformance worker's types";
