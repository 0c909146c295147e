//! `cargo xtask docs`: the book, from docs/ to target/book.

use kindling_base::{Command, Context, Result};

use super::{cargo, tools};
use crate::render::Renderer;

pub(crate) fn run(renderer: &dyn Renderer) -> Result<()> {
    let root = cargo::root();
    let mdbook = tools::MDBOOK.find(renderer)?;
    Command::new(mdbook)
        .args(["build", "docs"])
        .directory(&root)
        .run()?;
    let index = root.join("target/book/index.html");
    std::fs::metadata(&index).context(format!("the book lacks {}", index.display()))?;
    renderer.data(&index.display().to_string());
    Ok(())
}
