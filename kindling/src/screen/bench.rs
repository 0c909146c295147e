//! Reports of benchmarks on the screen.
#![expect(clippy::print_stderr, reason = "this file is where the binary prints")]

use std::path::PathBuf;

use kindling_base::{Error, Event, Reporter, Result};
use kindling_bench::Report;

use super::{Screen, print};

impl Screen {
    /// Something that a person should look at.
    pub(crate) fn warn(&self, text: &str) {
        Reporter::report(self, Event::Warning(text.to_owned()));
    }

    /// A benchmark is done; `markdown` is for standard output, `written` are the files that have it.
    pub(crate) fn bench(
        &self,
        report: &Report,
        markdown: Option<&str>,
        written: &[PathBuf],
    ) -> Result<()> {
        if self.json {
            let line = serde_json::to_string(report)
                .map_err(|error| Error::internal("cannot show a report as JSON").because(error))?;
            return print(&line);
        }
        for path in written {
            eprintln!("kindling: wrote {}", path.display());
        }
        markdown.map_or(Ok(()), |text| print(text.trim_end()))
    }
}
