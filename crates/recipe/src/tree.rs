//! A TOML document as a tree in which every key and value knows its place.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use kindling_base::{Result, files};
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};
use toml::value::Datetime;

use kindling_located::{Location, Problem, Source, into_error};

/// A value and its place.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) at: Location,
    pub(super) value: Value,
}

/// A value of TOML.
#[derive(Debug)]
pub(super) enum Value {
    String(String),
    /// One that does not fit is [`i64::MAX`], which is beyond the range of every key.
    Integer(i64),
    Float,
    Boolean(bool),
    Datetime(Datetime),
    Array(Vec<Node>),
    Table(Table),
}

/// Keys with the place of the key itself, and their values.
pub(super) type Table = BTreeMap<String, (Location, Node)>;

impl Value {
    /// The type with its article, for `expected ..., found ...`.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Value::String(_) => "a string",
            Value::Integer(_) => "an integer",
            Value::Float => "a float",
            Value::Boolean(_) => "a boolean",
            Value::Datetime(_) => "a date-time",
            Value::Array(_) => "a list",
            Value::Table(_) => "a table",
        }
    }
}

/// Reads a file. The place of the document itself is its first character.
///
/// # Errors
/// The file cannot be read, or is not TOML; every mistake that the parser can tell apart is in the error.
pub(super) fn read(path: &Path) -> Result<(Location, Table)> {
    let bytes = files::read(path)?;
    let source = |text| {
        Arc::new(Source {
            path: path.to_owned(),
            text,
        })
    };
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let valid = error.utf8_error().valid_up_to();
            let source = source(String::from_utf8_lossy(error.as_bytes()).into_owned());
            let at = Location::new(&source, valid..valid);
            let problem = Problem::new(&at, "this byte is not UTF-8", "save the file as UTF-8");
            return Err(into_error(path, vec![problem]));
        }
    };
    let source = source(text);
    let (document, errors) = DeTable::parse_recoverable(&source.text);
    let problem = |error: &toml::de::Error| {
        let at = Location::new(&source, error.span().unwrap_or(0..0));
        Problem::new(
            &at,
            error.message(),
            "mend the TOML syntax (https://toml.io/en/v1.0.0)",
        )
    };
    if !errors.is_empty() {
        return Err(into_error(path, errors.iter().map(problem).collect()));
    }
    let start = Location::new(&source, 0..0);
    Ok((start, table(&source, document.into_inner())))
}

fn table(source: &Arc<Source>, table: DeTable<'_>) -> Table {
    let entry = |(key, value): (Spanned<DeString<'_>>, Spanned<DeValue<'_>>)| {
        let at = Location::new(source, key.span());
        (key.into_inner().into_owned(), (at, node(source, value)))
    };
    table.into_iter().map(entry).collect()
}

fn node(source: &Arc<Source>, value: Spanned<DeValue<'_>>) -> Node {
    let at = Location::new(source, value.span());
    let value = match value.into_inner() {
        DeValue::String(text) => Value::String(text.into_owned()),
        DeValue::Integer(integer) => {
            let parsed = i64::from_str_radix(integer.as_str(), integer.radix());
            Value::Integer(parsed.unwrap_or(i64::MAX))
        }
        DeValue::Float(_) => Value::Float,
        DeValue::Boolean(boolean) => Value::Boolean(boolean),
        DeValue::Datetime(datetime) => Value::Datetime(datetime),
        DeValue::Array(items) => {
            let items = items.into_iter().map(|item| node(source, item));
            Value::Array(items.collect())
        }
        DeValue::Table(inner) => Value::Table(table(source, inner)),
    };
    Node { at, value }
}
