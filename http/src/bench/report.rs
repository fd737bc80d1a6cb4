//! The figures as a table for people and as JSON for machines.

use serde::Serialize;

use super::figure::{Measured, count_text, number_text};
use super::yardstick::peer_name;
use crate::cli::{Align, Cell, Colour, Screen, Table};

/// From this load on, others are measured too.
const BUSY: f64 = 0.5;

/// Everything that one run measured.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Report {
    /// `in_process` or `http`.
    pub(super) mode: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) url: Option<String>,
    /// Length of a cell.
    pub(super) seconds: f64,
    /// Processors of this machine.
    pub(super) cpus: usize,
    /// How many threads of everybody wanted one just before this run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) load_before: Option<f64>,
    pub(super) cells: Vec<Measured>,
    /// Each missed target in words.
    pub(super) missed: Vec<String>,
}

impl Report {
    /// The table.
    pub(super) fn render(&self, screen: Screen) -> String {
        let mut text = String::new();
        for cell in &self.cells {
            text.push_str(&heading(cell, screen));
            text.push_str(&table(cell).render(screen));
            text.push('\n');
        }
        let peers = self.cells.iter().flat_map(|cell| &cell.figures).any(|one| one.peer.is_some());
        if peers {
            text.push_str(&screen.paint(
                Colour::Muted,
                "* As published, not this run: a comparison holds only between figures taken in one \
                 run on one machine.",
            ));
            text.push('\n');
        }
        if let Some(load) = self.load_before.filter(|load| *load > BUSY) {
            let note = format!(
                "Other work ran on this machine (load {load} on {} processors): figures of this \
                 run say little.",
                self.cpus
            );
            text.push_str(&screen.paint(Colour::Failed, &note));
            text.push('\n');
        }
        if self.seconds < 30.0 {
            let note = format!(
                "Cells of {} s; figures that are published take at least 30 s each.",
                self.seconds
            );
            text.push_str(&screen.paint(Colour::Muted, &note));
            text.push('\n');
        }
        text
    }
}

fn heading(cell: &Measured, screen: Screen) -> String {
    let sleepers =
        cell.sleepers.map_or(String::new(), |count| format!(", {} of them", count_text(count)));
    let name = format!("{}  {}{sleepers}", cell.workload.to_uppercase(), cell.title);
    let in_flight = format!("{} in flight", count_text(cell.concurrency as u64));
    let disk = format!(
        "disk: {} syncs/s, {} ms each",
        number_text(cell.disk.syncs_per_s),
        number_text(cell.disk.p50_ms)
    );
    format!("{}  ·  {in_flight}  ·  {disk}\n", screen.paint(Colour::Strong, &name))
}

fn table(cell: &Measured) -> Table {
    let mut table = Table::new([
        ("", Align::Left),
        ("", Align::Right),
        ("TARGET", Align::Left),
        (peer_name(cell.workload), Align::Left),
        ("", Align::Left),
    ])
    .indent(4);
    for figure in &cell.figures {
        let (verdict, colour) = match (figure.target, figure.met) {
            (Some(target), Some(true)) => (format!("✓ {target}"), Colour::Completed),
            (Some(target), _) => (format!("✕ {target}"), Colour::Failed),
            _ => (String::new(), Colour::Plain),
        };
        let peer = figure.peer.map_or(String::new(), |peer| {
            let less_is_better = figure.name.ends_with("_ms");
            let times = if less_is_better { peer / figure.value } else { figure.value / peer };
            format!("{} · {} ×", number_text(peer), number_text(times))
        });
        table.row([
            Cell::new(figure.name),
            Cell::new(number_text(figure.value)).colour(Colour::Strong),
            Cell::new(verdict).colour(colour),
            Cell::new(peer).colour(Colour::Muted),
            Cell::new(figure.meaning).colour(Colour::Muted),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::super::args::Workload;
    use super::super::disk::SyncRate;
    use super::*;

    #[test]
    fn says_what_was_missed_and_whose_the_other_figures_are() {
        let disk = SyncRate { syncs_per_s: 5234.5, p50_ms: 0.187 };
        let mut cell = Measured::new(Workload::W2, 64, false, disk);
        cell.add("workflows_per_s", 9876.5, "started and answered, each durable");
        cell.add("p99_ms", 12.34, "99 of 100 took at most this");
        let missed: Vec<String> = cell.missed().collect();
        let report = Report {
            mode: "in_process",
            url: None,
            seconds: 10.0,
            cpus: 2,
            load_before: Some(7.5),
            cells: vec![cell],
            missed,
        };
        let screen = Screen { width: 110, colour: false };
        expect![[r#"
            W2  ten steps one after the other  ·  64 in flight  ·  disk: 5,234 syncs/s, 0.187 ms each
                                        TARGET      RESTATE*
                workflows_per_s  9,876  ✕ ≥ 10,000  469 · 21.1 ×  started and answered, each durable
                p99_ms            12.3  ✓ ≤ 15      212 · 17.2 ×  99 of 100 took at most this

            * As published, not this run: a comparison holds only between figures taken in one run on one machine.
            Other work ran on this machine (load 7.5 on 2 processors): figures of this run say little.
            Cells of 10 s; figures that are published take at least 30 s each.
        "#]].assert_eq(&report.render(screen));
        expect![[r#"
            {
              "mode": "in_process",
              "seconds": 10.0,
              "cpus": 2,
              "load_before": 7.5,
              "cells": [
                {
                  "workload": "w2",
                  "concurrency": 64,
                  "disk": {
                    "syncs_per_s": 5234.5,
                    "p50_ms": 0.187
                  },
                  "figures": [
                    {
                      "name": "workflows_per_s",
                      "value": 9876.5,
                      "target": {
                        "at_least": 10000.0
                      },
                      "met": false,
                      "peer_published": 469.0
                    },
                    {
                      "name": "p99_ms",
                      "value": 12.34,
                      "target": {
                        "at_most": 15.0
                      },
                      "met": true,
                      "peer_published": 212.0
                    }
                  ]
                }
              ],
              "missed": [
                "w2 C=64: workflows_per_s is 9,876, target ≥ 10,000"
              ]
            }"#]]
        .assert_eq(&serde_json::to_string_pretty(&report).unwrap());
    }
}
