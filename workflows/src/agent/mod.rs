//! Agents: they listen to events, look for patterns, ask a model or conclude by rules, and send
//! commands like everybody else: by themselves where they are sure, else when somebody approves.
//!
//! ```text
//! log ─► subscription, a lane a subject ─► one workflow an event ─► completing transaction
//!          subscriber.rs                     flow.rs, admit.rs        complete.rs
//!                                                │                      │ command ─► route.rs ─► orchestrator
//!                                                ▼                      │ approval ─► approvals.rs
//!                                            a model (ask_llm)          └ audit, checkpoint: books.rs
//! ```
//!
//! Invariants:
//! - what an agent knows is an argument: the event, and the history that the application loaded;
//! - audit, command and checkpoint of an event stand in one commit, or none of them; what a model
//!   answered stands in the run's history before, and is never asked for again;
//! - no more questions are asked than the limit allows in any minute, and no more is spent in a day
//!   than the budget, over restarts;
//! - an event that was given up holds its lane until its dead letter is replayed or ignored; other
//!   lanes go on.

mod admit;
mod analysis;
mod approval_rules;
mod approvals;
mod audit;
mod books;
mod budget;
mod complete;
mod context;
mod dead_letters;
mod definition;
mod error;
mod event;
mod flow;
pub mod functions;
mod job;
mod lifecycle;
mod pattern;
mod records;
mod recovery;
mod route;
mod service;
mod settings;
mod subscriber;
mod threads;
mod window;

pub use analysis::{
    Analysis, AnalysisMethod, Level, LlmContext, confidence_in_words, rule_based_confidence,
};
pub use approval_rules::{ApprovalRules, should_require_approval};
pub use approvals::{AGENT_APPROVAL, Waits};
pub use audit::{AuditEvent, AuditType};
pub use books::{AgentsContext, subscription_of};
pub use budget::Spending;
pub use context::{LIFECYCLE, Steer};
pub use dead_letters::{COMMANDS as COMMAND_LETTERS, EVENTS as EVENT_LETTERS};
pub use definition::{Agent, Agents, HistoryRequest, OnComplete, WorkerAgents};
pub use error::{AgentConfigError, AgentError};
pub use event::AgentEvent;
pub use flow::{AGENT_EVENT, AgentOutcome};
pub use job::{AgentDecision, AgentJob, Completed, Completion, CompletionResult};
pub use lifecycle::{AGENT_STATUS, AgentStatus, LifecycleVerb};
pub use pattern::{
    EmissionError, Judgement, PatternDefinition, Situation, Suggestion, check_emission,
};
pub use records::{
    AgentApproval, AgentCommand, AgentCommandStatus, ApprovalStatus, Checkpoint, CommandMetadata,
    CommandStep, LaneCheckpoint, LetterOf, RecordedError, Usage, Waiting,
};
pub use service::{
    AgentDeadLetter, AgentPage, AgentService, AgentView, DecisionFilter, DecisionView, UsageView,
};
pub use settings::{AgentLimits, AgentSettings};
pub use threads::{AgentThread, ThreadsContext, thread_id};
pub use window::{
    PatternWindow, filter_events_in_window, has_minimum_events, load_window, parse_duration,
};

/// The reason of an event that was given up because too many wait.
pub const QUEUE_OVERFLOW: &str = "queue_overflow";
