//! docs/dialects.md: the profiles on it are those of `examples/profiles/`, and its commands print what
//! it says.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use super::{ENVIRONMENT, files, install, text};
use crate::readme::prints_as_written;
use crate::support::played::play;
use crate::support::{WIRECAT, output};

/// A section about one dialect.
struct Section {
    /// The profile as the page has it.
    profile: String,
    command: String,
    prints: String,
}

fn sections() -> Vec<Section> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/dialects.md");
    let page = fs::read_to_string(page).unwrap();
    let sections = page.split("\n## ").skip(1);
    let section = |text: &str| {
        let block = |mark: &str| {
            let (_, after) = text.split_once(&format!("```{mark}\n")).expect(mark);
            after.split_once("```").unwrap().0.to_owned()
        };
        let console = block("console");
        let (command, prints) = console.split_once('\n').unwrap();
        Section {
            profile: block("toml"),
            command: command.strip_prefix("$ ").unwrap().to_owned(),
            prints: prints.to_owned(),
        }
    };
    sections.map(section).collect()
}

#[test]
fn the_page_has_every_profile_as_it_is() {
    let sections = sections();
    let files = files();
    assert_eq!(sections.len(), files.len());
    for file in files {
        let text = text(&file);
        let is_there = sections.iter().any(|section| section.profile == text);
        assert!(is_there, "docs/dialects.md has another {file}.toml");
    }
}

#[test]
fn the_commands_print_what_the_page_says() {
    for section in sections() {
        let (_, after) = section.command.split_once("--config ").unwrap();
        let (file, _) = after.split_once(".toml").unwrap();
        let played = play(&format!("{file}.txt"), "docs");
        let folder = tempfile::tempdir().unwrap();
        install(file, folder.path(), &played);
        let programs = Path::new(WIRECAT).parent().unwrap().display();
        let path = std::env::var("PATH").unwrap();
        let child = Command::new("sh")
            .args(["-c", &format!("exec 2>&1\n{}", section.command)])
            .current_dir(&folder)
            .env_clear()
            .env("PATH", format!("{programs}:{path}"))
            .envs(ENVIRONMENT)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn();
        let run = output(child.unwrap());
        played.finish(&run);
        let printed = run.stdout_text();
        assert!(
            prints_as_written(&section.prints, &printed),
            "$ {}\nthe page says:\n{}\nit prints:\n{printed}",
            section.command,
            section.prints
        );
    }
}
