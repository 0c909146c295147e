//! `[lint]`: findings before boot that a recipe lets pass.

use kindling_base::did_you_mean;
use kindling_lint::{RULES, Waiver};

use super::name::LINE;
use super::reader::Reader;
use kindling_located::{Located, Problem};

pub(super) fn lint(mut reader: Reader<'_>) -> Option<Vec<Located<Waiver>>> {
    let waivers = reader.or("waive", Vec::new(), |r, key| {
        r.tables(key, "lint.waive", waiver)
    });
    reader.finish();
    waivers
}

fn waiver(mut reader: Reader<'_>) -> Option<Waiver> {
    let rule = reader.required("rule", "\"unit-exec\"", |r, key| r.string(key, &LINE));
    if let Some(rule) = &rule
        && kindling_lint::find(&rule.value).is_none()
    {
        let names = RULES.iter().map(|rule| rule.name);
        let hint = did_you_mean(&rule.value, names)
            .unwrap_or_else(|| "`cargo xtask lint --list` shows the rules".to_owned());
        let message = format!("there is no rule `{}`", rule.value);
        reader.problem(Problem::new(&rule.at, message, hint));
    }
    let has_path = reader.has("path");
    let path = reader.string("path", &LINE);
    let reason = reader.required("reason", "\"why this is no defect\"", |r, key| {
        r.string(key, &LINE)
    });
    reader.finish();
    if has_path && path.is_none() {
        return None;
    }
    Some(Waiver {
        rule: rule?.value,
        path: path.map(|path| path.value),
        reason: reason?.value,
    })
}
