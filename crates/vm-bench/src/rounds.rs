//! Rounds: every job once in each, in turns, so that a machine that gets busy or warm does so for all.

use kindling_base::{Error, Result};
use kindling_bench::Subject;

use super::job::Job;
use super::measure::measure;
use super::session::Bench;
use super::subject;

/// Runs all rounds; returns a subject for each job.
pub(super) async fn interleave(bench: &Bench<'_>, jobs: &[Job]) -> Result<Vec<Subject>> {
    let options = bench.options;
    let mut subjects: Vec<Option<Subject>> = vec![None; jobs.len()];
    for round in 1..=options.warmup + options.runs {
        let counted = round.checked_sub(options.warmup).filter(|round| *round > 0);
        let last = round == options.warmup + options.runs;
        for at in order(round, jobs.len()) {
            let (Some(job), Some(slot)) = (jobs.get(at), subjects.get_mut(at)) else {
                continue;
            };
            let measured = measure(bench, job, counted.unwrap_or(0), last).await;
            let what = || match counted {
                Some(round) => format!("run {round} of {}: {}", options.runs, job.label),
                None => format!("warm-up: {}", job.label),
            };
            let measured = measured.map_err(|error| error.within(what()))?;
            bench.note(format!("{}: {}", what(), told(&measured.runs)));
            if counted.is_none() {
                continue;
            }
            let subject = match slot {
                Some(subject) => subject,
                None => slot.insert(subject::describe(bench, job, &measured.vm)?),
            };
            subject.runs.extend(measured.runs);
            if measured.profile.is_some() {
                subject.profile = measured.profile;
            }
        }
    }
    let all: Option<Vec<Subject>> = subjects.into_iter().collect();
    let mut all = all.ok_or_else(|| Error::internal("a benchmark without runs"))?;
    all.iter_mut().for_each(Subject::summarise);
    Ok(all)
}

/// The order in which a round goes through `count` jobs: there and back again, so that each is as often the later one of a
/// pair.
pub(super) fn order(round: u32, count: usize) -> Vec<usize> {
    let there = 0..count;
    if round % 2 == 1 {
        there.collect()
    } else {
        there.rev().collect()
    }
}

/// One round for a person.
fn told(runs: &[kindling_bench::Run]) -> String {
    let last = |run: &kindling_bench::Run| {
        let goal = kindling_bench::Milestone::HttpAnswer;
        let ready = kindling_bench::Milestone::Ready;
        run.at_ms
            .get(&goal)
            .or_else(|| run.at_ms.get(&ready))
            .copied()
    };
    let slowest = runs.iter().filter_map(last).fold(0.0, f64::max);
    format!("{slowest:.0} ms")
}
