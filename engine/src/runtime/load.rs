//! Brings a run back into memory: fold its history, replay its code, settle what its last process
//! left open.

use crate::kernel::{
    ActivityState, Command, HistoryEvent, LOST, RunStatus, TaskFailure, TaskFailureKind,
};
use crate::{DEFAULT_NAMESPACE, Failure, Rejection, RunId, Timestamp};

use super::afterwards::Afterwards;
use super::history_log::HistoryReader;
use super::index::Found;
use super::replay::Replay;
use super::resident::Resident;
use super::shard::Shard;
use super::{RunRecord, keys, updates};
use crate::sdk::{Asked, Foresight, Unregistered};

impl Shard {
    /// Sees to it that the run is in memory; false when it is closed or does not exist.
    pub(super) fn ensure_resident(
        &mut self,
        namespace: &str,
        run_id: RunId,
    ) -> Result<bool, Rejection> {
        if let Some(resident) = self.residents.get(run_id) {
            return Ok(!resident.run.status.is_closed());
        }
        let key = keys::run(namespace, run_id);
        let stored = self.snapshot()?.get(keys::OPEN_RUNS, &key)?;
        let Some(stored) = stored else { return Ok(false) };
        let record = RunRecord::read(&stored)?;
        if record.status.is_closed() {
            return Ok(false);
        }
        self.load(namespace, record)?;
        Ok(true)
    }

    /// As [`Shard::ensure_resident`], for a run whose namespace only its row would tell.
    pub(super) fn ensure_resident_run(&mut self, run_id: RunId) -> Result<bool, Rejection> {
        if self.residents.get(run_id).is_none()
            && let Some(namespace) = self.strays.remove(&run_id)
        {
            return self.ensure_resident(&namespace, run_id);
        }
        self.ensure_resident(DEFAULT_NAMESPACE, run_id)
    }

    fn load(&mut self, namespace: &str, record: RunRecord) -> Result<(), Rejection> {
        let run_id = record.run_id;
        let found = Found::of(&record);
        let foresight = Foresight { patches: record.patches, stuck_from: record.stuck_from };
        let registry = std::sync::Arc::clone(&self.inner.registry);
        let now = self.turn.now;
        let snapshot = self.snapshot()?;
        let awaiting_row = snapshot.get(keys::AWAITING, &keys::run(namespace, run_id))?.is_some();
        let heartbeats = super::read_heartbeats(snapshot, namespace, run_id)?;
        let mut reader = HistoryReader::new(snapshot, namespace, run_id);
        let corrupt = |what: &str| Rejection::Corrupt(format!("run {run_id}: {what}"));
        let first = reader.next()?.ok_or_else(|| corrupt("its history is empty"))?;
        let HistoryEvent::WorkflowStarted(started) = &first.event else {
            return Err(corrupt("its history does not begin with its start"));
        };
        let code = registry.code_of(started);
        let mut replay = Replay::begin(&first, code.as_ref().ok().copied(), foresight)
            .ok_or_else(|| corrupt("its history has no start"))?;
        while let Some(recorded) = reader.next()? {
            replay.next(&recorded);
        }
        replay.finish(now);
        let (segment, history_bytes) = (reader.tail, reader.bytes());
        let updates = match &code {
            Ok(entry) if entry.updates.is_empty() => None,
            _ => updates::restore(snapshot, namespace, started.first_run_id())?,
        };
        self.inner.counters.replays.add(1);

        let Replay { run, mut task, mut failure, outstanding, held, .. } = replay;
        if let Err(unregistered) = code {
            // What happens meanwhile is kept and acted on by the next build that knows the type.
            failure = Some(no_code(&unregistered, now));
        }
        if run.status == RunStatus::Paused && run.task_failure.is_some() {
            // It is known, and tried again when the run is resumed.
            (task, failure) = (None, None);
        }
        if let Some(task) = &mut task {
            // Rows of these stand in the store already, unless the code runs again only now.
            if run.task_failure.is_none() {
                task.take_published();
                task.take_awaited();
            }
        }
        let mut resident = Resident::new(run, task);
        resident.segment = segment;
        resident.found = (!found.is_empty()).then(|| Box::new(found));
        resident.task_tries = self.task_tries.remove(&run_id).unwrap_or(0);
        resident.history_bytes = history_bytes;
        resident.updates = updates;
        resident.active_row = resident.run.is_active();
        resident.awaiting_row = awaiting_row;
        resident.held = held.into();
        resident.has_deadlines = resident
            .run
            .activities
            .values()
            .any(|activity| activity.durable_deadline(None).is_some());
        resident.heartbeats = heartbeats;
        let unfinished = unfinished(&resident);
        self.residents.insert(resident);

        for &(activity_id, attempt) in &unfinished {
            // It still runs here and has a deadline, whatever became of the queue meanwhile.
            if self.attempts.runs(run_id, activity_id, attempt) {
                self.watch_attempt(run_id, activity_id);
            }
        }
        let lost: Vec<(u32, u32)> = unfinished
            .iter()
            .filter(|(activity_id, attempt)| {
                *attempt > 0 && !self.attempts.runs(run_id, *activity_id, *attempt)
            })
            .copied()
            .collect();
        self.step(run_id, |step| {
            match failure {
                Some(failure) => step.fail_task(failure),
                None => step.resume(outstanding),
            }
            for &(activity_id, attempt) in &unfinished {
                match attempt {
                    0 if !step.meet_deadline(activity_id) => step.start_attempt(activity_id),
                    0 => step.show_code(),
                    attempt if lost.contains(&(activity_id, attempt)) => {
                        step.lose_attempt(activity_id, attempt);
                    }
                    _ => {}
                }
            }
        });
        Ok(())
    }

    /// Tries code again that could not go on.
    pub(super) fn retry_task(&mut self, namespace: &str, run_id: RunId) -> Result<(), Rejection> {
        let Some(resident) = self.residents.get(run_id) else {
            self.ensure_resident(namespace, run_id)?;
            return Ok(());
        };
        if resident.run.task_failure.is_none() || resident.run.status != RunStatus::Running {
            return Ok(());
        }
        if !self.is_whole(run_id) {
            let namespace = std::sync::Arc::clone(&resident.namespace);
            self.afterwards.push(Afterwards::RetryTask { namespace, run_id });
            return Ok(());
        }
        self.task_tries.insert(run_id, resident.task_tries);
        self.residents.remove(run_id);
        self.ensure_resident(namespace, run_id)?;
        Ok(())
    }
}

fn no_code(unregistered: &Unregistered, at: Timestamp) -> Box<TaskFailure> {
    Box::new(TaskFailure {
        kind: TaskFailureKind::Unregistered,
        message: unregistered.to_string(),
        event_id: None,
        recorded: None,
        asked: None,
        location: None,
        at,
    })
}

/// Activities that are recorded as started, with their attempt, and with 0 those that no process
/// has started yet.
fn unfinished(resident: &Resident) -> Vec<(u32, u32)> {
    resident
        .run
        .activities
        .iter()
        .filter_map(|(&id, activity)| match activity.state {
            ActivityState::Started(_) => Some((id, activity.attempt)),
            ActivityState::Scheduled => Some((id, 0)),
            ActivityState::BackingOff(_) | ActivityState::HandedOver(_) => None,
        })
        .collect()
}

impl super::step::Step<'_> {
    /// The code is where the history ends: it goes on with what it asked for meanwhile.
    pub(super) fn resume(&mut self, mut outstanding: std::collections::VecDeque<Asked>) {
        let failed = self.resident.run.task_failure.as_ref();
        if failed.is_some_and(|failed| failed.kind == TaskFailureKind::PayloadTooLarge) {
            // Still too large: nothing is recorded of another try.
            let upsert = |asked: &&Asked| {
                matches!(asked, Asked::UpsertMemo { .. } | Asked::UpsertSearchAttributes { .. })
            };
            let again = outstanding
                .iter()
                .position(|asked| upsert(&asked) && self.too_large(asked).is_some());
            if let Some(asked) = again.and_then(|place| outstanding.remove(place))
                && let Some(rejection) = self.too_large(&asked)
            {
                self.refuse_asked(asked, &rejection);
                return;
            }
        }
        if self.resident.run.task_failure.is_some() && self.resident.task.is_some() {
            self.resident.task_tries = 0;
            self.execute_own(Command::RecoverTask);
        }
        for asked in outstanding {
            self.execute_asked(asked);
        }
        self.record_asked();
        self.show_code();
    }

    /// The process that ran the attempt is gone.
    pub(super) fn lose_attempt(&mut self, activity_id: u32, attempt: u32) {
        let failure = Failure::new(LOST, "the process that ran this attempt has ended");
        let cancelled = self.resident.run.has_withdrawn(activity_id);
        let command = match cancelled {
            true => Command::AcknowledgeCancel { activity_id },
            false => Command::FailActivity { activity_id, attempt, failure },
        };
        self.execute_own(command);
        // A pause of nothing needs no timer: the next attempt starts in the same commit.
        let due = self.resident.run.activities.get(&activity_id).is_some_and(|activity| {
            matches!(activity.state, ActivityState::BackingOff(at) if at <= self.turn.now)
        });
        if due {
            self.start_attempt(activity_id);
        }
        self.show_code();
    }
}
