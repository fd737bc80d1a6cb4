//! The states of an agent, and what leads from one to another: pure.

use everstep_activities::decider::fsm::{Machine, State};
use serde::{Deserialize, Serialize};

/// How an agent is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentStatus {
    /// It takes events.
    #[default]
    Active,
    /// Events wait for it.
    Paused,
    /// Events wait for it until it is started.
    Stopped,
    /// Too much went wrong in a row: it rests, and goes on by itself.
    ErrorRecovery,
}

impl State for AgentStatus {
    const ALL: &'static [Self] = &[Self::Active, Self::Paused, Self::Stopped, Self::ErrorRecovery];

    fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Stopped => "stopped",
            Self::ErrorRecovery => "error_recovery",
        }
    }
}

/// Which status may follow which.
pub const AGENT_STATUS: Machine<AgentStatus> = Machine::new(
    "agent",
    AgentStatus::Active,
    &[
        (
            AgentStatus::Active,
            &[AgentStatus::Paused, AgentStatus::Stopped, AgentStatus::ErrorRecovery],
        ),
        (AgentStatus::Paused, &[AgentStatus::Active, AgentStatus::Stopped]),
        (AgentStatus::Stopped, &[AgentStatus::Active]),
        (
            AgentStatus::ErrorRecovery,
            &[AgentStatus::Active, AgentStatus::Paused, AgentStatus::Stopped],
        ),
    ],
);

/// What is asked of an agent as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LifecycleVerb {
    /// From stopped.
    Start,
    /// From active or resting.
    Pause,
    /// From paused or resting.
    Resume,
    /// From anything but stopped.
    Stop,
    /// Other settings, whatever the status.
    Reconfigure,
}

impl LifecycleVerb {
    /// The command of that name.
    pub const fn command(self) -> &'static str {
        match self {
            Self::Start => "StartAgent",
            Self::Pause => "PauseAgent",
            Self::Resume => "ResumeAgent",
            Self::Stop => "StopAgent",
            Self::Reconfigure => "ReconfigureAgent",
        }
    }

    /// The status afterwards.
    ///
    /// # Errors
    /// In words, why not.
    pub fn apply(self, from: AgentStatus) -> Result<AgentStatus, String> {
        let to = match self {
            Self::Reconfigure => return Ok(from),
            Self::Start | Self::Resume => AgentStatus::Active,
            Self::Pause => AgentStatus::Paused,
            Self::Stop => AgentStatus::Stopped,
        };
        let is_meant = match self {
            Self::Start => from == AgentStatus::Stopped,
            Self::Resume => from != AgentStatus::Stopped,
            _ => true,
        };
        AGENT_STATUS.check(from, to).map_err(|refused| refused.to_string())?;
        match is_meant {
            true => Ok(to),
            false => Err(format!("{} does not lead out of `{}`", self.command(), from.name())),
        }
    }
}
