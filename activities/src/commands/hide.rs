//! Commands for those who may look at them and not read their values.

use everstep_engine::{HideValues, Payload};

use super::{CommandEvent, CommandPage, CommandRecord, CorrelatedCommands};

impl HideValues for CommandRecord {
    fn hide_values(&mut self) {
        self.payload.hide_values();
        self.result.hide_values();
        self.message.hide_values();
        for value in self.context.values_mut() {
            let mut hidden = Payload::from_value(value).unwrap_or_default();
            hidden.hide_values();
            *value = hidden.to().unwrap_or_default();
        }
    }
}

impl HideValues for CommandEvent {
    fn hide_values(&mut self) {
        self.data.hide_values();
    }
}

impl HideValues for CommandPage {
    fn hide_values(&mut self) {
        self.commands.hide_values();
    }
}

impl HideValues for CorrelatedCommands {
    fn hide_values(&mut self) {
        self.commands.hide_values();
        self.events.hide_values();
    }
}
