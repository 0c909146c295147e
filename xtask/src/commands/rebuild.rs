//! `cargo xtask verify --rebuild`: a bundle of anybody's, built again from what its provenance names.

use std::collections::BTreeMap;
use std::path::Path;

use kindling_base::{Error, Result, files, hash};
use kindling_evidence::Statement;
use kindling_image::Prepared;
use kindling_image::resolve::Policy;
use kindling_verify::{self as verify, Difference};

use super::setup::Setup;
use super::subject::Subject;
use crate::cli::{Global, RecipeArgs, VerifyBuild};
use crate::render::Renderer;

pub(crate) fn run(
    what: VerifyBuild,
    bundle: &Path,
    global: &Global,
    renderer: &dyn Renderer,
) -> Result<()> {
    let setup = Setup::new(global)?;
    let statement = Statement::read(bundle)?;
    let root = setup.project.root();
    refuse_other_files(&statement, root)?;
    let args = RecipeArgs::named(&statement.recipe);
    let subject = Subject::new(&args, Policy::Frozen, &setup, renderer)?;
    refuse_other_code(&statement, &subject.prepared)?;
    let bundle = files::absolute(bundle)?;
    let differences = verify::rebuild(&subject.request(what), &bundle, renderer)?;
    if differences.is_empty() {
        renderer.note(&format!(
            "{}: built again, every byte is the same",
            bundle.display()
        ));
        return Ok(());
    }
    Err(report(&statement.recipe, &differences))
}

/// Compares the files of the project that the statement names.
fn refuse_other_files(statement: &Statement, root: &Path) -> Result<()> {
    let mut others = Vec::new();
    for (name, expected) in &statement.files {
        let path = root.join(name);
        match path.is_file() {
            false => others.push(format!("{name} is not in this checkout")),
            true => {
                let sha256 = hash::file(&path)?;
                if sha256 != *expected {
                    others.push(format!(
                        "{name}: the bundle's is {expected}, this checkout's {sha256}"
                    ));
                }
            }
        }
    }
    refuse(
        &statement.recipe,
        others,
        "check out the commit that has these files, and try again",
    )
}

/// Compares the keys of the stages, which cover everything else of the project: fragments, overlays, programs, Kindling itself.
fn refuse_other_code(statement: &Statement, prepared: &Prepared) -> Result<()> {
    let ours: BTreeMap<&str, &str> = prepared
        .plan
        .stages()
        .map(|stage| (stage.name, stage.key.as_str()))
        .collect();
    let others = statement.stages.iter().filter_map(|(stage, key)| {
        let own = ours.get(stage.as_str()).copied().unwrap_or("none");
        (own != key)
            .then(|| format!("stage `{stage}`: the bundle's key is {key}, this checkout's {own}"))
    });
    let hint = "check out the commit of Kindling that built it: fragments, overlays, programs or code are others here";
    refuse(&statement.recipe, others.collect(), hint)
}

fn refuse(recipe: &str, others: Vec<String>, hint: &str) -> Result<()> {
    if others.is_empty() {
        return Ok(());
    }
    let error = Error::user(format!(
        "this checkout has other inputs than the bundle of {recipe}"
    ));
    let error = others.into_iter().fold(error, Error::note);
    Err(error.hint(hint))
}

fn report(recipe: &str, differences: &[Difference]) -> Error {
    let what = format!("{recipe}, built again, differs");
    let error = verify::differs(&what, differences);
    error.hint(
        "every input is the same, so that the bundle was changed after it was built, or a package makes new data whenever it is \
         configured: `build-image --verify` tells the second",
    )
}
