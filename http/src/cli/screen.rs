//! Where text goes: how wide it may be and whether it may have colours.
//!
//! Invariant: text that others wrote (ids, payloads, messages) reaches the terminal without
//! control characters, so nobody's payload moves anybody's cursor.

use std::fmt::Write;
use std::io::IsTerminal;

/// Width of a page that goes to no terminal.
const PAGE_WIDTH: usize = 120;
/// Narrower than this nothing is readable.
const LEAST_WIDTH: usize = 60;

/// What the output can show.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Screen {
    /// Characters in a line.
    pub(crate) width: usize,
    /// Whether colours are shown.
    pub(crate) colour: bool,
}

/// Colours by meaning, as the inspector uses them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Colour {
    Plain,
    Strong,
    Muted,
    Running,
    Completed,
    Failed,
    Retrying,
    Waiting,
}

impl Colour {
    const fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Strong => "1",
            Self::Muted => "2",
            Self::Running => "34",
            Self::Completed => "32",
            Self::Failed => "31",
            Self::Retrying => "33",
            Self::Waiting => "35",
        }
    }
}

impl Screen {
    /// Standard output as it is: colours only on a terminal, and not where `NO_COLOR` is set.
    pub(crate) fn stdout() -> Self {
        let stdout = std::io::stdout();
        let width = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
        let width = width.or_else(|| {
            let size = rustix::termios::tcgetwinsize(&stdout).ok()?;
            Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
        });
        Self {
            width: width.unwrap_or(PAGE_WIDTH).max(LEAST_WIDTH),
            colour: stdout.is_terminal() && Self::allows_colour(),
        }
    }

    /// Standard error as it is.
    pub(crate) fn stderr() -> Self {
        let colour = std::io::stderr().is_terminal() && Self::allows_colour();
        Self { width: PAGE_WIDTH, colour }
    }

    fn allows_colour() -> bool {
        std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
    }

    /// The text in a colour.
    pub(crate) fn paint(self, colour: Colour, text: &str) -> String {
        if !self.colour || colour == Colour::Plain || text.is_empty() {
            return text.to_owned();
        }
        format!("\x1b[{}m{text}\x1b[0m", colour.code())
    }
}

/// The text without control characters: each is shown as its escape.
pub(crate) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' => shown.push(' '),
            c if c.is_control() => drop(write!(shown, "\\u{:04x}", u32::from(c))),
            c => shown.push(c),
        }
    }
    shown
}

/// At most `width` characters; what is left out is marked.
pub(crate) fn fit(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let mut shown: String = text.chars().take(width.saturating_sub(1)).collect();
    shown.push('…');
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_moves_the_cursor() {
        assert_eq!(printable("a\x1b[2Jb\u{9b}c\nd"), "a\\u001b[2Jb\\u009bc d");
    }

    #[test]
    fn long_text_says_that_it_is_cut() {
        assert_eq!(fit("äöü", 3), "äöü");
        assert_eq!(fit("äöüß", 3), "äö…");
        assert_eq!(fit("abc", 0), "…");
    }
}
