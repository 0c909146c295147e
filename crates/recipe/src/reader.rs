//! Typed reading of one table: every wrong value becomes a mistake and reading goes on.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use kindling_base::{did_you_mean, nearest};

use super::instant::unix_seconds;
use super::name::Rule;
use super::tree::{Node, Table, Value};
use kindling_located::{Located, Location, Problem};

/// A table being read. The keys that were asked for are the ones it may have.
///
/// Each method returns `None` when the key is absent or its value is wrong; a wrong value has then been
/// added to the mistakes.
pub(super) struct Reader<'p> {
    table: Table,
    at: Location,
    /// `rootfs`, or empty for the document.
    name: &'static str,
    known: Vec<&'static str>,
    /// Keys that must be there and are not, with what to add.
    lacking: Vec<(&'static str, String)>,
    problems: &'p mut Vec<Problem>,
}

impl<'p> Reader<'p> {
    pub(super) fn new(
        name: &'static str,
        at: Location,
        table: Table,
        problems: &'p mut Vec<Problem>,
    ) -> Self {
        Self {
            table,
            at,
            name,
            known: Vec::new(),
            lacking: Vec::new(),
            problems,
        }
    }

    /// Adds a mistake.
    pub(super) fn problem(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// The place of the table's header.
    pub(super) fn at(&self) -> &Location {
        &self.at
    }

    /// Whether the key is there and was not read yet.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Takes a key that has no place beside another one; `None` where it is not there. Where it stands.
    pub(super) fn remove(&mut self, key: &'static str) -> Option<Location> {
        self.known.push(key);
        self.table.remove(key).map(|(at, _)| at)
    }

    /// Reads a key that must be there: `required("marker", "the line ...", |r, key| r.string(key, &LINE))`.
    pub(super) fn required<T>(
        &mut self,
        key: &'static str,
        example: &str,
        read: impl FnOnce(&mut Self, &'static str) -> Option<T>,
    ) -> Option<T> {
        if !self.has(key) {
            let hint = format!("add to [{}]: {key} = {example}", self.name);
            self.lacking.push((key, hint));
        }
        read(self, key)
    }

    /// Reads a key that has a default.
    pub(super) fn or<T>(
        &mut self,
        key: &'static str,
        default: T,
        read: impl FnOnce(&mut Self, &'static str) -> Option<T>,
    ) -> Option<T> {
        let is_there = self.has(key);
        let value = read(self, key);
        if is_there { value } else { Some(default) }
    }

    /// A table of its own, read by `read`; an absent one is read as if it were empty.
    pub(super) fn table<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(Reader<'_>) -> Option<T>,
    ) -> Option<T> {
        match self.take(key) {
            Some(Node {
                at,
                value: Value::Table(table),
            }) => read(Reader::new(key, at, table, self.problems)),
            Some(node) => self.wrong_type(key, "a table", &node),
            None => {
                let mut problems = Vec::new();
                let empty = Reader::new(key, self.at.clone(), Table::new(), &mut problems);
                let value = read(empty);
                if !problems.is_empty() {
                    let hints: Vec<String> = problems.into_iter().map(|p| p.hint).collect();
                    self.lacking.push((key, hints.join("\n")));
                }
                value
            }
        }
    }

    /// A list of tables, each read by `read`, with its place; `name` is `lint.waive` for `[[lint.waive]]`.
    pub(super) fn tables<T>(
        &mut self,
        key: &'static str,
        name: &'static str,
        read: fn(Reader<'_>) -> Option<T>,
    ) -> Option<Vec<Located<T>>> {
        let node = self.take(key)?;
        let Value::Array(items) = node.value else {
            return self.wrong_type(key, "a list of tables", &node);
        };
        let mut list = Vec::with_capacity(items.len());
        for item in items {
            let Value::Table(table) = item.value else {
                self.wrong_type::<()>(key, "a list of tables", &item);
                continue;
            };
            let value = read(Reader::new(name, item.at.clone(), table, self.problems))?;
            list.push(Located { value, at: item.at });
        }
        Some(list)
    }

    /// A string that obeys a rule.
    pub(super) fn string(&mut self, key: &'static str, rule: &Rule) -> Option<Located<String>> {
        let node = self.take(key)?;
        self.text(key, node, rule)
    }

    /// A boolean.
    pub(super) fn boolean(&mut self, key: &'static str) -> Option<bool> {
        let node = self.take(key)?;
        match node.value {
            Value::Boolean(value) => Some(value),
            _ => self.wrong_type(key, "a boolean (true or false)", &node),
        }
    }

    /// An integer in a range; `unit` follows the numbers in the message.
    pub(super) fn integer(
        &mut self,
        key: &'static str,
        range: RangeInclusive<u32>,
        unit: &str,
    ) -> Option<u32> {
        let node = self.take(key)?;
        let Value::Integer(value) = node.value else {
            return self.wrong_type(key, "an integer", &node);
        };
        let fitting = u32::try_from(value)
            .ok()
            .filter(|value| range.contains(value));
        if fitting.is_none() {
            let (low, high) = range.into_inner();
            let message = format!("`{key}` is out of range");
            let hint = format!("choose {low} to {high}{unit}");
            self.problem(Problem::new(&node.at, message, hint));
        }
        fitting
    }

    /// A date-time with an offset, as seconds since 1970 in 32 bits.
    pub(super) fn instant(&mut self, key: &'static str) -> Option<u32> {
        const HINT: &str = "write a date-time in UTC without quotes: 2026-11-01T00:00:00Z";
        let node = self.take(key)?;
        let Value::Datetime(datetime) = node.value else {
            let message = format!("`{key}`: expected a date-time, found {}", node.value.kind());
            self.problem(Problem::new(&node.at, message, HINT));
            return None;
        };
        let seconds = unix_seconds(datetime);
        if seconds.is_none() {
            let message = format!("`{key}` is not a moment with a time zone between 1970 and 2106");
            self.problem(Problem::new(&node.at, message, HINT));
        }
        seconds
    }

    /// One of a few words.
    pub(super) fn one_of<T: Copy>(
        &mut self,
        key: &'static str,
        words: &[(&'static str, T)],
    ) -> Option<T> {
        let node = self.take(key)?;
        let Value::String(text) = &node.value else {
            return self.wrong_type(key, "a string", &node);
        };
        let found = words.iter().find(|(word, _)| word == text);
        if found.is_none() {
            let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            let hint = suggestion(text, &names, "values");
            let message = format!("`{key}` cannot be \"{}\"", text.escape_debug());
            self.problem(Problem::new(&node.at, message, hint));
        }
        found.map(|(_, value)| *value)
    }

    /// A list of strings that obey a rule, each at most once, `least` or more of them.
    pub(super) fn list(
        &mut self,
        key: &'static str,
        rule: &Rule,
        least: usize,
    ) -> Option<Vec<Located<String>>> {
        let node = self.take(key)?;
        let Value::Array(items) = node.value else {
            return self.wrong_type(key, "a list of strings", &node);
        };
        if items.len() < least {
            let hint = format!("list at least {least}");
            self.problem(Problem::new(
                &node.at,
                format!("`{key}` has too few entries"),
                hint,
            ));
        }
        let mut list: Vec<Located<String>> = Vec::with_capacity(items.len());
        for item in items {
            let Some(item) = self.text(key, item, rule) else {
                continue;
            };
            if let Some(first) = list.iter().find(|first| first.value == item.value) {
                let message = format!("`{}` is in `{key}` twice", item.value);
                let hint = format!("remove one of the two; the first is at {}", first.at);
                self.problem(Problem::new(&item.at, message, hint));
            }
            list.push(item);
        }
        Some(list)
    }

    /// All keys of this table, each a string: keys obey one rule, values another.
    pub(super) fn strings(
        mut self,
        keys: &Rule,
        values: &Rule,
    ) -> BTreeMap<String, Located<String>> {
        let mut map = BTreeMap::new();
        for (key, (at, node)) in std::mem::take(&mut self.table) {
            if !(keys.accepts)(&key) {
                let message = format!(
                    "`{}` is no good name in [rootfs.{}]",
                    key.escape_debug(),
                    self.name
                );
                self.problem(Problem::new(&at, message, keys.words));
            } else if let Some(text) = self.text(&key, node, values) {
                map.insert(key, text);
            }
        }
        map
    }

    /// Ends the table: what was not asked for is unknown. A key that is lacking because it is misspelt is
    /// one mistake and not two.
    pub(super) fn finish(mut self) {
        let (kinds, place) = match self.name {
            "" => ("tables", String::new()),
            name => ("keys", format!(" in [{name}]")),
        };
        for (key, (at, node)) in &self.table {
            let is_table = matches!(node.value, Value::Table(_));
            let what = if is_table { "table" } else { "key" };
            let message = format!("unknown {what} `{}`{place}", key.escape_debug());
            let hint = suggestion(key, &self.known, kinds);
            self.problems.push(Problem::new(at, message, hint));
            let meant = nearest(key, self.known.iter().copied(), 3);
            self.lacking.retain(|(lacking, _)| !meant.contains(lacking));
        }
        for (key, hint) in &self.lacking {
            let message = match self.name {
                "" => format!("there is no table [{key}]"),
                name => format!("[{name}] lacks the key `{key}`"),
            };
            self.problems.push(Problem::new(&self.at, message, hint));
        }
    }

    fn take(&mut self, key: &'static str) -> Option<Node> {
        self.known.push(key);
        self.table.remove(key).map(|(_, node)| node)
    }

    fn text(&mut self, key: &str, node: Node, rule: &Rule) -> Option<Located<String>> {
        let Value::String(value) = node.value else {
            return self.wrong_type(key, "a string", &node);
        };
        if !(rule.accepts)(&value) {
            let message = format!("`{key}` cannot be \"{}\"", value.escape_debug());
            self.problem(Problem::new(&node.at, message, rule.words));
            return None;
        }
        Some(Located { value, at: node.at })
    }

    fn wrong_type<T>(&mut self, key: &str, expected: &str, node: &Node) -> Option<T> {
        let message = format!("`{key}`: expected {expected}, found {}", node.value.kind());
        let hint = match (&node.value, expected) {
            (Value::String(text), "an integer") if text.parse::<u32>().is_ok() => {
                format!("write it without quotes: {text}")
            }
            (Value::String(text), "a list of strings") => {
                format!("put it in brackets: [\"{}\"]", text.escape_debug())
            }
            (_, "a string") => "write it in double quotes".to_owned(),
            _ => format!("write {expected}"),
        };
        self.problem(Problem::new(&node.at, message, hint));
        None
    }
}

fn suggestion(wrong: &str, known: &[&str], kinds: &str) -> String {
    did_you_mean(wrong, known.iter().copied())
        .unwrap_or_else(|| format!("the {kinds} here are: {}", known.join(", ")))
}
