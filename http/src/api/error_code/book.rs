//! The codes as pages: one each, and `docs/errors.md` with all of them.

use std::fmt::Write;

use super::{ErrorCode, all};

impl ErrorCode {
    /// A page about it, in Markdown.
    pub fn page(&self) -> String {
        let statuses: Vec<_> = self.statuses.iter().map(u16::to_string).collect();
        format!(
            "# {}\n\n`{}` · HTTP {}\n\n**What happened.** {}\n\n**What to do.** {}\n",
            self.title,
            self.name,
            statuses.join(", "),
            self.happened,
            self.remedy
        )
    }
}

/// `docs/errors.md`: a table of all codes and a section for each.
pub fn book() -> String {
    let mut book = String::from(
        "# Errors\n\n\
         Every refusal is `application/problem+json` (RFC 9457): `{\"type\": \"/errors/<code>\", \
         \"title\", \"status\", \"detail\", \"code\"}`. Decide by `code`; read `detail`. A running \
         server shows the same pages under `/errors/<code>`.\n\n\
         This page is generated from `http/src/api/error_code/`; a test keeps them equal.\n\n\
         | code | status | title |\n| --- | --- | --- |\n",
    );
    for code in all() {
        let statuses: Vec<_> = code.statuses.iter().map(u16::to_string).collect();
        let (name, statuses) = (code.name, statuses.join(", "));
        // A heading's name in a link is lower case, whatever the code's is. Writing to a string
        // cannot fail.
        let anchor = name.to_ascii_lowercase();
        let _ = writeln!(book, "| [`{name}`](#{anchor}) | {statuses} | {} |", code.title);
    }
    for code in all() {
        let _ = write!(
            book,
            "\n## {}\n\n{}.\n\n**What happened.** {}\n\n**What to do.** {}\n",
            code.name, code.title, code.happened, code.remedy
        );
    }
    book
}
