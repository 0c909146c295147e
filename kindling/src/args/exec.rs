//! The command line of `kindling exec`.

use std::io::IsTerminal;

use clap::Args;
use kindling_launcher::{Exec, Input};

use super::seconds;

#[derive(Args, Debug)]
pub(crate) struct ExecArgs {
    /// The VM's name
    pub(crate) name: String,
    /// The user that runs it, by name or number [default: root]
    #[arg(long, short)]
    user: Option<String>,
    /// Add a variable to its environment; repeatable
    #[arg(long, short, value_name = "KEY=VALUE", value_parser = variable)]
    env: Vec<(String, String)>,
    /// Where it runs [default: its user's home]
    #[arg(long, short = 'C', value_name = "DIR")]
    cwd: Option<String>,
    /// End it after this long
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    timeout: Option<u32>,
    /// Forward standard input even from a terminal; from elsewhere it always is
    #[arg(long, short)]
    interactive: bool,
    /// The command and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
}

impl ExecArgs {
    /// The command for the guest.
    pub(crate) fn into_exec(self) -> Exec {
        let forwarded = self.interactive || !std::io::stdin().is_terminal();
        Exec {
            argv: self.command,
            env: self.env.into_iter().collect(),
            cwd: self.cwd,
            user: self.user,
            timeout: self.timeout.map(seconds),
            input: if forwarded {
                Input::Forwarded
            } else {
                Input::None
            },
        }
    }
}

/// Splits `KEY=VALUE`.
fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("not of the form KEY=VALUE".to_owned()),
    }
}
