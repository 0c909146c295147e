//! Packages of npm as a tar of what they would add to an image, and what would be pinned:
//!
//!     cargo run --release -p kindling-npm --example npm2tar -- OUT.tar NAME[@RANGE]...
#![allow(clippy::print_stdout, reason = "an example is a program")]

use std::path::Path;

use kindling_base::{Error, Event, Result, files};
use kindling_debian::Mirrors;
use kindling_fetch::Client;
use kindling_npm::{Places, Registries, Request, ask_npm, fetch, resolve};
use kindling_npm_tree::install;
use kindling_store::Store;
use kindling_tree::{Timestamp, Tree};

fn main() -> Result<(), String> {
    run().map_err(|error| error.report())
}

fn run() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let usage = || Error::user("usage: npm2tar OUT.tar NAME[@RANGE]...");
    let out = args.next().ok_or_else(usage)?;
    let packages: Vec<String> = args.collect();
    let reporter = |event: Event| match event {
        Event::Warning(text) | Event::Note(text) => println!("{text}"),
        _ => {}
    };
    let client = Client::default();
    let mirrors = Mirrors::of_this_machine(&[], &Default::default())?;
    let places = Places::of_this_machine(Path::new("."));
    let registries = Registries::find(mirrors.named_or_tried("npm"), &places, ask_npm)?;
    let request = Request {
        packages: &packages,
        pins: &[],
        node: None,
    };
    let locked = resolve(&request, &client, &registries, &reporter)?;
    for package in &locked {
        println!("{} {}@{}", package.path, package.name, package.version);
    }
    let store = Store::open(&Store::default_root()?)?;
    let tars = fetch(&locked, &client, &registries, &store, &reporter)?;
    let packages: Vec<_> = locked.into_iter().zip(tars).collect();
    let mut tree = Tree::new(Timestamp::default());
    install(&mut tree, &packages, 0)?;
    tree.write_tar(files::create(Path::new(&out))?)?;
    Ok(())
}
