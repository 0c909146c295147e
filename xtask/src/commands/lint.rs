//! `cargo xtask lint`.

use kindling_base::{Error, Result, did_you_mean};
use kindling_image::resolve::Policy;
use kindling_lint::{Finding, Judged, RULES, Rule};

use super::setup::Setup;
use crate::cli::{Global, LintImage};
use crate::render::Renderer;

/// Columns of an explanation.
const WIDTH: usize = 100;

pub(crate) fn run(args: &LintImage, global: &Global, renderer: &dyn Renderer) -> Result<()> {
    if args.list {
        renderer.data(&list());
        return Ok(());
    }
    if let Some(name) = &args.explain {
        renderer.data(&explain(find(name)?));
        return Ok(());
    }
    let setup = Setup::new(global)?;
    let recipe = setup.recipe(&args.recipe)?;
    let sources = setup.sources(&args.recipe);
    let judged = kindling_image::lint(&recipe, Policy::Keep, &sources, renderer)?;
    if global.json {
        let json = serde_json::to_string(&judged);
        let json = json.map_err(|error| Error::internal("cannot write JSON").because(error))?;
        renderer.data(&json);
    } else {
        renderer.data(&describe(&judged, args.all));
    }
    match judged.findings.len() {
        0 => Ok(()),
        1 => Err(Error::user("a defect would show at boot")),
        more => Err(Error::user(format!("{more} defects would show at boot"))),
    }
    .map_err(|error| {
        error.hint(
            "mend them; `--explain RULE` says more, and [[lint.waive]] with a reason lets one pass",
        )
    })
}

fn find(name: &str) -> Result<&'static Rule> {
    kindling_lint::find(name).ok_or_else(|| {
        let hint = did_you_mean(name, RULES.iter().map(|rule| rule.name))
            .unwrap_or_else(|| "`cargo xtask lint --list` shows the rules".to_owned());
        Error::user(format!("there is no rule `{name}`")).hint(hint)
    })
}

fn list() -> String {
    let width = RULES.iter().map(|rule| rule.name.len()).max().unwrap_or(0);
    let line = |rule: &Rule| format!("{:width$}  {}", rule.name, rule.summary);
    RULES.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn explain(rule: &Rule) -> String {
    let explanation = wrapped(rule.explanation);
    format!(
        "{}: {}\n\n{}\n\nTo let a finding pass:\n\n    [[lint.waive]]\n    rule = \"{}\"\n    path = \"/its/path\"   # or its \
         beginning and a *; without it, all findings of the rule\n    reason = \"why this is no defect\"",
        rule.name, rule.summary, explanation, rule.name
    )
}

/// Text in lines of at most [`WIDTH`] characters where words allow.
fn wrapped(text: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.join("\n")
}

/// Findings by rule, then what passes and why; notes if they are asked for, or their number.
fn describe(judged: &Judged, all: bool) -> String {
    let mut lines = by_rule(&judged.findings);
    if !judged.warnings.is_empty() {
        lines.push("warnings, which fail no build: the image comes up all the same".to_owned());
        lines.extend(by_rule(&judged.warnings));
    }
    if all && !judged.notes.is_empty() {
        lines.push("notes, which show where somebody asks for what no boot starts:".to_owned());
        lines.extend(by_rule(&judged.notes));
    }
    for waived in &judged.waived {
        lines.push(format!("waived: {}", waived.finding));
        lines.push(format!("  because: {}", waived.reason));
    }
    for waiver in &judged.unused {
        let of = waiver.path.as_deref().unwrap_or("any path");
        lines.push(format!("unused waiver: {} of {of}", waiver.rule));
    }
    if lines.is_empty() {
        lines.push(format!("{} rules, nothing found", RULES.len()));
    }
    match judged.notes.len() {
        count if count > 0 && !all => lines.push(format!("notes: {count}; `--all` shows them")),
        _ => {}
    }
    lines.join("\n")
}

fn by_rule(findings: &[Finding]) -> Vec<String> {
    let mut lines = Vec::new();
    for rule in RULES {
        let found = findings.iter().filter(|f| f.rule == rule.name);
        let found = found.map(|f| match &f.remedy {
            Some(remedy) => format!("  {}: {} ({remedy})", f.path, f.problem),
            None => format!("  {}: {}", f.path, f.problem),
        });
        let found: Vec<String> = found.collect();
        if !found.is_empty() {
            lines.push(format!("{}: {}", rule.name, rule.summary));
            lines.extend(found);
        }
    }
    lines
}
