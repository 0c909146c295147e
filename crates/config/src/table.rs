//! The tables of the configuration file and their keys.

use std::sync::Arc;

use kindling_base::did_you_mean;
use kindling_located::{Location, Problem, Source};
use toml::de::{DeTable, DeValue};

/// A table of the configuration file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// `[mirrors]`: addresses by archive, of which anybody may have others.
    Mirrors,
    /// `[network]`: the bridge of VMs with TAPs.
    Network,
    /// `[limits]`: how much all VMs together may take.
    Limits,
}

impl Table {
    /// All tables.
    pub const ALL: [Self; 3] = [Self::Mirrors, Self::Network, Self::Limits];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mirrors => "mirrors",
            Self::Network => "network",
            Self::Limits => "limits",
        }
    }

    /// Its keys; `None` if any key is one.
    pub const fn keys(self) -> Option<&'static [&'static str]> {
        match self {
            Self::Mirrors => None,
            Self::Network => Some(&["bridge", "address", "dns", "isolate", "nat", "egress"]),
            Self::Limits => Some(&["memory_mib", "vcpus", "vms", "disk_mib"]),
        }
    }

    /// How its values are written, for a hint.
    pub(crate) const fn example(self) -> &'static str {
        match self {
            Self::Mirrors => r#"write `debian = "URL"`, or several: `debian = ["URL", "URL"]`"#,
            Self::Network => {
                r#"write values as in `address = "192.168.100.1/24"`, `dns = ["192.0.2.53"]`, `isolate = true`, `egress = ["192.0.2.7:443"]`"#
            }
            Self::Limits => "write a number, as in `memory_mib = 16384`",
        }
    }
}

/// The tables and keys of a document that nobody reads.
pub(crate) fn unknown(source: &Arc<Source>, document: &DeTable<'_>) -> Vec<Problem> {
    let names = Table::ALL.map(Table::name);
    let mut problems = Vec::new();
    for (name, value) in document {
        let at = || Location::new(source, name.span());
        let known = Table::ALL
            .into_iter()
            .find(|table| table.name() == name.get_ref());
        match (known, value.get_ref()) {
            (Some(table), DeValue::Table(inner)) => {
                problems.extend(unknown_keys(source, table, inner));
            }
            (Some(table), _) => {
                let hint = format!("write it as a table: [{}]", table.name());
                problems.push(Problem::new(
                    &at(),
                    format!("`{}` is a table", table.name()),
                    hint,
                ));
            }
            (None, value) => {
                let kind = if value.is_table() { "table" } else { "key" };
                let message = format!("unknown {kind} `{}`", name.get_ref().escape_debug());
                problems.push(Problem::new(
                    &at(),
                    message,
                    hint(name.get_ref(), &names, "tables"),
                ));
            }
        }
    }
    problems
}

fn unknown_keys(source: &Arc<Source>, table: Table, inner: &DeTable<'_>) -> Vec<Problem> {
    let Some(known) = table.keys() else {
        return Vec::new();
    };
    let unknown = inner
        .keys()
        .filter(|key| !known.contains(&&**key.get_ref()));
    let problem = |key: &toml::Spanned<toml::de::DeString<'_>>| {
        let name = key.get_ref();
        let message = format!(
            "unknown key `{}` in [{}]",
            name.escape_debug(),
            table.name()
        );
        Problem::new(
            &Location::new(source, key.span()),
            message,
            hint(name, known, "keys"),
        )
    };
    unknown.map(problem).collect()
}

fn hint(wrong: &str, known: &[&str], kinds: &str) -> String {
    did_you_mean(wrong, known.iter().copied())
        .unwrap_or_else(|| format!("the {kinds} here are: {}", known.join(", ")))
}
