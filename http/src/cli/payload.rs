//! `payload`: one value of a history, whole.

use std::process::ExitCode;

use serde::Deserialize;

use super::remote::{RemoteArgs, RunArgs, print};
use crate::{Payload, PayloadReference};

/// The flags of `payload`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct PayloadArgs {
    #[command(flatten)]
    run: RunArgs,
    /// The event that carries it.
    #[arg(value_name = "EVENT", value_parser = clap::value_parser!(u64).range(1..))]
    event: u64,
    /// Which of the event's payloads.
    #[arg(value_name = "INDEX", default_value_t = 0)]
    index: u16,
    #[command(flatten)]
    remote: RemoteArgs,
}

impl PayloadArgs {
    pub(super) fn run(&self) -> ExitCode {
        self.remote.run(async |client| {
            let found = client.payload(&self.run.selector(), self.event, self.index).await?;
            // It is JSON already.
            print(found.as_str())?;
            Ok(ExitCode::SUCCESS)
        })
    }
}

/// What the server puts in the place of a large value.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Marked {
    everstep_payload: PayloadReference,
}

/// A value as it stands in a line: a large one says how large it is, and where it stands.
pub(super) fn shown(value: &Payload) -> String {
    // What came over HTTP is told by its form.
    let Ok(Marked { everstep_payload }) = value.to() else { return value.as_str().to_owned() };
    let PayloadReference { event_id, index, bytes, .. } = everstep_payload;
    let size = match bytes {
        0..10_000 => format!("{bytes} bytes"),
        10_000..10_000_000 => format!("{} kB", bytes / 1_000),
        _ => format!("{} MB", bytes / 1_000_000),
    };
    let index = if index == 0 { String::new() } else { format!(" {index}") };
    format!("({size}: payload ID {event_id}{index})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_value_says_how_large_it_is_and_how_to_get_it() {
        let small = Payload::parse(r#"{"a":1}"#).unwrap();
        assert_eq!(shown(&small), r#"{"a":1}"#);
        for (bytes, index, expected) in [
            (9_999, 0, "(9999 bytes: payload ID 7)"),
            (40_960, 1, "(40 kB: payload ID 7 1)"),
            (12_500_000, 0, "(12 MB: payload ID 7)"),
        ] {
            let reference = serde_json::json!({"everstep_payload": {
                "event_id": 7, "index": index, "bytes": bytes, "kind": "text",
            }});
            let large = Payload::from_value(&reference).unwrap();
            assert_eq!(shown(&large), expected);
        }
    }
}
