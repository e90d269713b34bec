//! `completions`: what a shell needs to complete our words, from the definition of the command line itself.

use super::{Arguments, CompletionsArgs, Exit};
use clap::CommandFactory;

pub fn run(args: &CompletionsArgs) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Arguments::command(), "pagerpal", &mut script);
    super::print(&String::from_utf8_lossy(&script))
}
