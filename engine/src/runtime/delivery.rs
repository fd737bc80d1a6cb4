//! What a letter does when it reaches its target.
//!
//! Invariant: a letter is taken out of the mailbox with the batch that holds what it caused. A
//! refusal is an answer to whoever asked, never an error of the loop; only a store that cannot be
//! read keeps a letter back.

use std::panic::AssertUnwindSafe;

use super::history_log::{newest_run, stored_run};
use super::mailbox::{Act, Address, AddressedRun, Letter, Posted, Reserved};
use super::panics;
use super::record::RunRecord;
use super::shard::Shard;
use crate::kernel::{Answer, Command, ParentLink};
use crate::limits::refused;
use crate::sdk::is_given_an_end;
use crate::{Rejection, RunId, Selector, StartRequest, Started};

/// Letters that are delivered before the turn's batch is committed and requests have their turn
/// again: runs that write to each other without end hold nobody up.
const LETTERS_A_TURN: usize = 1_024;

/// The longest workflow id.
const MAX_ID_BYTES: usize = 512;

impl Shard {
    /// Delivers what waits in the mailbox.
    pub(super) fn deliver_letters(&mut self) {
        if !self.letters_wait() {
            return;
        }
        for _ in 0..LETTERS_A_TURN {
            if self.turn.mailbox.must_read()
                && let Err(rejection) = self.read_letters()
            {
                self.stop(format!("failed to read letters between runs: {rejection}"));
                return;
            }
            let Some(posted) = self.turn.mailbox.take() else { return };
            self.progress.step();
            match self.deliver(&posted.letter) {
                Err(Rejection::Unavailable(reason)) => {
                    tracing::warn!(reason, "a letter waits for the store");
                    self.turn.mailbox.put_back(posted);
                    return;
                }
                Err(rejection) => {
                    tracing::error!(%rejection, letter = ?posted.letter.to, "a letter is undeliverable");
                    self.done_with(&posted);
                }
                Ok(()) => self.done_with(&posted),
            }
            self.split();
        }
    }

    /// Whether there are letters to deliver now.
    pub(super) fn letters_wait(&self) -> bool {
        !self.turn.mailbox.is_empty() && !self.turn.draining && !self.recovery.is_paused()
    }

    fn done_with(&mut self, posted: &Posted) {
        posted.delete_row(&mut self.turn.batch);
        self.inner.counters.letters.add(1);
    }

    fn read_letters(&mut self) -> Result<(), Rejection> {
        let snapshot = self.inner.store.snapshot()?;
        self.turn.mailbox.read_some(&*snapshot)
    }

    fn deliver(&mut self, letter: &Letter) -> Result<(), Rejection> {
        let outcome = match &letter.act {
            Act::Answer { answer, asked_by } => {
                return self.deliver_answer(&letter.to, answer, *asked_by);
            }
            Act::ScheduledRunClosed { first_run_id, status } => {
                let Address { namespace, workflow_id: schedule_id, .. } = &letter.to;
                return self.scheduled_run_closed(namespace, schedule_id, *first_run_id, *status);
            }
            Act::Start { request, parent } => {
                // That it was started is told before what its first turn has to tell.
                let place = self.turn.mailbox.reserve();
                let started = self.start_for(request, parent.clone());
                return self.answer_start(letter, started, &place);
            }
            Act::Signal(signal) => self.act_on(&letter.to, |shard, selector| {
                shard.inner.config.limits.check("signal payload", &signal.payload)?;
                shard.try_signal(selector, signal.clone(), None)
            }),
            Act::RequestCancel => self.act_on(&letter.to, |shard, selector| {
                shard.try_command(selector, Command::RequestCancel).map(drop)
            }),
            Act::Terminate { reason } => self.act_on(&letter.to, |shard, selector| {
                shard.try_command(selector, Command::Terminate { reason: reason.clone() }).map(drop)
            }),
        };
        if let Err(Rejection::Unavailable(_)) = &outcome {
            return outcome;
        }
        let Some(answer_to) = letter.answer_to.clone() else {
            if let Err(rejection) = outcome {
                // A child that ended by itself before it could be told to, say.
                tracing::debug!(%rejection, to = letter.to.workflow_id, "a letter came too late");
            }
            return Ok(());
        };
        let request_id = answer_to.id;
        let answer = match outcome {
            Ok(()) => Answer::Delivered { request_id },
            Err(rejection) => Answer::Refused { request_id, failure: refused(&rejection) },
        };
        self.turn.mailbox.post(answer_to.letter(answer));
        Ok(())
    }

    /// Acts on the run that is addressed, if it is still the one that was meant.
    fn act_on(
        &mut self,
        to: &Address,
        act: impl FnOnce(&mut Self, &Selector) -> Result<(), Rejection>,
    ) -> Result<(), Rejection> {
        let mut selector = to.selector();
        if !matches!(to.run, AddressedRun::Run(_)) {
            let missing = || Rejection::WorkflowNotFound(to.workflow_id.clone());
            selector.run_id = Some(self.addressed_run(to)?.ok_or_else(missing)?);
        }
        act(self, &selector)
    }

    /// The newest run of the addressed id, if it is the one that was meant.
    fn addressed_run(&mut self, to: &Address) -> Result<Option<RunId>, Rejection> {
        let Address { namespace, workflow_id, run } = to;
        if let Some(run_id) = self.residents.of_workflow(namespace, workflow_id)
            && let Some(resident) = self.residents.get(run_id)
        {
            let started = &resident.run.started;
            let meant = is_meant(run, started.first_run_id(), started.parent.as_deref());
            return Ok(meant.then_some(run_id));
        }
        let snapshot = self.snapshot()?;
        let Some(run_id) = newest_run(snapshot, namespace, workflow_id)? else { return Ok(None) };
        let Some(stored) = stored_run(snapshot, namespace, run_id)? else {
            return Ok(None);
        };
        let record = RunRecord::read(&stored)?;
        let meant = is_meant(run, record.first_run_id(), record.parent.as_deref());
        Ok(meant.then_some(run_id))
    }

    /// Whether the newest run of an id is the child of a chain, with that id in it.
    pub(super) fn is_child(
        &mut self,
        selector: &Selector,
        parents_first_run_id: RunId,
        child_id: u32,
    ) -> Result<bool, Rejection> {
        let Selector { namespace, workflow_id, .. } = selector.clone();
        let link = ParentLink {
            workflow_id: String::new(),
            run_id: parents_first_run_id,
            first_run_id: parents_first_run_id,
            child_id,
        };
        let run = AddressedRun::Child(Box::new(link));
        Ok(self.addressed_run(&Address { namespace, workflow_id, run })?.is_some())
    }

    fn deliver_answer(
        &mut self,
        to: &Address,
        answer: &Answer,
        asked_by: RunId,
    ) -> Result<(), Rejection> {
        let Some(run_id) = self.addressed_run(to)? else { return Ok(()) };
        // One that has closed meanwhile has dealt with its children and waits for nothing.
        if self.ensure_resident(&to.namespace, run_id)? {
            let answer = Box::new(answer.clone());
            let command = Command::TakeAnswer { answer, asked_by: Some(asked_by) };
            self.step(run_id, |step| step.execute_own(command));
        }
        Ok(())
    }

    /// Starts a workflow for another one. Its type and input are checked here and not when it was
    /// asked for: the answer must not depend on the build that asks.
    pub(super) fn start_for(
        &mut self,
        request: &StartRequest,
        parent: Option<Box<ParentLink>>,
    ) -> Result<Started, Rejection> {
        self.check_letter_start(request)?;
        let registry = std::sync::Arc::clone(&self.inner.registry);
        if let Some(entry) = registry.workflows.get(request.workflow_type.as_str()) {
            // The input's type may have code of its own.
            let checked = panics::catch(AssertUnwindSafe(|| (entry.check_input)(&request.input)));
            checked.unwrap_or_else(|panic| Err(panic.message)).map_err(|error| {
                Rejection::Unprocessable(format!(
                    "workflow type `{}` cannot take this input: {error}",
                    request.workflow_type
                ))
            })?;
        }
        self.try_start(request.clone(), parent)
    }

    /// What the door checks of a start from outside.
    fn check_letter_start(&self, request: &StartRequest) -> Result<(), Rejection> {
        let id = request.workflow_id.as_deref().unwrap_or_default();
        if id.is_empty() || id.len() > MAX_ID_BYTES || id.chars().any(char::is_control) {
            return Err(Rejection::InvalidRequest(format!(
                "a workflow id has 1 to {MAX_ID_BYTES} bytes without control characters; this one \
                 has {}",
                id.len()
            )));
        }
        match is_given_an_end(&request.workflow_type) {
            true => Ok(()),
            false => self.inner.config.limits.check_start(request),
        }
    }

    fn answer_start(
        &mut self,
        letter: &Letter,
        started: Result<Started, Rejection>,
        place: &Reserved,
    ) -> Result<(), Rejection> {
        if let Err(Rejection::Unavailable(reason)) = started {
            return Err(Rejection::Unavailable(reason));
        }
        let Some(answer_to) = letter.answer_to.clone() else {
            if let Err(rejection) = started {
                let workflow_id = &letter.to.workflow_id;
                tracing::warn!(%rejection, workflow_id, "a start between runs was refused");
            }
            return Ok(());
        };
        let child_id = answer_to.id;
        let answer = match started {
            Ok(Started { run_id, .. }) => Answer::Started { child_id, run_id },
            Err(rejection) => Answer::StartFailed { child_id, failure: refused(&rejection) },
        };
        self.turn.mailbox.post_at(place, answer_to.letter(answer));
        Ok(())
    }
}

fn is_meant(run: &AddressedRun, first_run_id: RunId, parent: Option<&ParentLink>) -> bool {
    match run {
        AddressedRun::Newest | AddressedRun::Run(_) => true,
        AddressedRun::Chain(first) => *first == first_run_id,
        // The run that asked is not compared: a child belongs to its parent's chain.
        AddressedRun::Child(link) => parent.is_some_and(|parent| {
            parent.first_run_id == link.first_run_id && parent.child_id == link.child_id
        }),
    }
}
