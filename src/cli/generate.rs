//! The manual page and the shell completions, made from the same definition as `--help`.

use clap_complete::Shell;

use super::args::Generate;

/// Every kind with the file it is kept in, below `completions/`; the manual page is not kept.
pub const COMPLETIONS: &[(Generate, &str)] = &[
    (Generate::CompleteBash, "wirecat.bash"),
    (Generate::CompleteZsh, "_wirecat"),
    (Generate::CompleteFish, "wirecat.fish"),
    (Generate::CompletePowershell, "_wirecat.ps1"),
    (Generate::CompleteElvish, "wirecat.elv"),
];

/// The text of one kind.
pub fn generate(kind: Generate) -> Vec<u8> {
    let shell = match kind {
        Generate::Man => return manual(),
        Generate::CompleteBash => Shell::Bash,
        Generate::CompleteZsh => Shell::Zsh,
        Generate::CompleteFish => Shell::Fish,
        Generate::CompletePowershell => Shell::PowerShell,
        Generate::CompleteElvish => Shell::Elvish,
    };
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut super::command(), "wirecat", &mut text);
    text
}

fn manual() -> Vec<u8> {
    let mut text = Vec::new();
    // Writing to memory cannot fail.
    let _ = clap_mangen::Man::new(super::command()).render(&mut text);
    text
}
